"""A rough cluster: no accounting, nothing requeued by default, commands missing on the nodes, memory limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.slurm.private_cluster import Cluster, no_cgroups
from tests.slurm.study import PROFILE, SlurmStudy

BODY = "[fixed]\npace = 0.2\nepochs = 50\nsize = {size}\n[resources]\ntime = 2\nworkers = 1\n"
STINT = "export HPCSWEEP_TIME_LEFT=0:21"  # a worker that stops 15 s before its end then works for six seconds
WHILE_SUBMITTING = """#!/bin/sh
[ -e "${0%/*}/submitting" ] && exec "$(PATH=${PATH#*:} command -v "${0##*/}")" "$@"
echo not allowed here >&2
exit 1
"""
# name: how it shall go on, which commands fail on the node, why its workers were started
WAYS = {
    "requeue": ("requeue", [], ["start", "start"]),
    "no-sbatch": ("resubmit", ["sbatch"], ["start", "start"]),
    "no-requeue": ("requeue", ["scontrol"], ["start", "continued", "start"]),
    "neither": ("resubmit", ["sbatch", "scontrol"], ["start", "left"]),
}


def _sweep(study: SlurmStudy, folder: Path, name: str, size: int) -> Path:
    """Submit a sweep whose workers have little time, on a node where some commands fail."""
    way, failing, _ = WAYS[name]
    tools = folder / name
    tools.mkdir()
    for command in failing:
        (tools / command).write_text(WHILE_SUBMITTING)
        (tools / command).chmod(0o755)
    study.profile(name, PROFILE + f"continue = \"{way}\"\nsetup = ['{STINT}']\n")
    sweep = study.sweep(name, BODY.format(size=size), profile=name)
    (tools / "submitting").touch()
    study.run("submit", sweep, PATH=f"{tools}:{os.environ['PATH']}")
    (tools / "submitting").unlink()
    return sweep


def _starts(study: SlurmStudy, sweep: str) -> list[str]:
    return [event["event"] for event in study.events(sweep) if event["event"] in ("start", "continued", "left")]


def test_work_goes_on_where_commands_are_forbidden(rough_study: SlurmStudy, tmp_path: Path) -> None:
    """JobRequeue=0, no sbatch on nodes, no requeue: a worker goes on in the other way; with neither, `resume` does."""
    study = rough_study
    sweeps = {name: _sweep(study, tmp_path, name, size) for size, name in enumerate(WAYS, 3)}
    alone = sweeps.pop("neither")
    study.cluster.wait_until(lambda: all(study.states(sweep) == ["done"] for sweep in sweeps.values()))
    study.cluster.wait_until(lambda: "left" in _starts(study, "neither"))
    assert study.states(alone) == ["resumable"]
    said = study.run("status", alone)
    assert "could not be continued from the node; type: hpcsweep resume " in said
    assert "for 1 trajectory" in study.run("resume", "--profile", "cluster", alone)
    study.cluster.wait_until(lambda: study.states(alone) == ["done"])
    for name, (_, _, starts) in WAYS.items():
        assert _starts(study, name)[: len(starts)] == starts, study.events(name)


def test_more_memory_than_asked_for_is_told_apart(rough_study: SlurmStudy) -> None:
    """A worker that the kernel kills at its memory limit is told as that, though SLURM itself says FAILED 1:0."""
    if why := no_cgroups():
        pytest.skip(f"no memory limits: {why}")
    study = rough_study
    sweep = study.sweep("hoard", '[fixed]\nhow = "memory"\n[resources]\ntime = 1\nworkers = 1\n', "dies")
    job = study.submit(sweep)
    study.cluster.wait_until(lambda: not study.cluster.living(job))
    assert study.cluster.ask("squeue", "-h", "-j", job, "-t", "all", "-o", "%T") == "FAILED"
    assert study.status(sweep)["workers"]["deaths"][0]["cause"] == "out of memory"
    text = study.run("status", sweep)
    assert "more memory than was asked for" in text
    assert f"type: hpcsweep resume --failed --mem 0.6G {sweep}" in text


def test_a_worker_that_never_began_is_missed(rough_study: SlurmStudy) -> None:
    """A queued worker that SLURM no longer knows, cancelled or lost with its state, is told even without accounting."""
    study, cluster = rough_study, rough_study.cluster
    sweep = study.sweep("waits", BODY.format(size=9))
    study.submit(sweep, "--continue", "chain", "--links", "2")
    cluster.wait_until(lambda: any(event["event"] == "start" for event in study.events("waits")))
    study.run("cancel", sweep)
    cluster.wait_until(lambda: not _living(cluster))
    _forget(cluster)
    text = study.run("status", sweep)
    assert "left the queue before it began" in text
    assert "waits: 1 runs: 1 " in text


def _living(cluster: Cluster) -> bool:
    return bool(cluster.ask("squeue", "-h", "-o", "%i"))


def _forget(cluster: Cluster) -> None:
    """Make SLURM forget all jobs that have ended, as it does some minutes after their end."""
    cluster.control("ctl-down")
    for path in (cluster.folder / "state").glob("job_state*"):
        path.unlink()
    cluster.control("ctl-up")
