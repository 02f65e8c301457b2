"""A node that is cut off, its workers living on beside those that SLURM starts in their place."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.store import Result, Store
from hpcsweep.store.trajectory_folder import CLAIM
from hpcsweep.sweep.load import load_sweep
from tests.slurm.study import PROFILE, SlurmStudy

LEASE_S, EPOCHS = 5.0, 40
BODY = "repeats = 2\n[fixed]\npace = 0.35\nepochs = 40\nsize = {size}\n[resources]\ntime = 10\nworkers = 1\n"


def _events(study: SlurmStudy, sweep: str, kind: str) -> list[dict[str, Any]]:
    return [event for event in study.events(sweep) if event["event"] == kind]


def _generations(study: SlurmStudy, sweep: Path) -> list[int]:
    """Return how often each trajectory of a sweep was claimed."""
    folders = [Store(study.store).folder(run.trajectory) for run in load_sweep(sweep).runs]
    return sorted(sum(bool(CLAIM.fullmatch(name)) for name in folder.names()) for folder in folders)


def _sruns(job: str, folder: Path) -> list[int]:
    """Return the pids of a job's srun."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            told = (entry / "comm").read_text() == "srun\n" and (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if told and f"SLURM_JOB_ID={job}".encode() in told and f"SLURM_CONF={folder}/etc/slurm.conf".encode() in told:
            found.append(int(entry.name))
    return found


def _with_children(pid: int) -> list[int]:
    """Return the ids of a process and of all that it has started, itself or through others."""
    started = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(one for child in started for one in _with_children(child))]


@contextmanager
def _frozen(*pids: int) -> Iterator[None]:
    """Stop processes where they are, and let them go on afterwards."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _require_whole(result: Result) -> None:
    """Each epoch once, and the weights that the job's arithmetic gives."""
    size = int(result.params["size"])
    weights = np.random.default_rng(result.seed).normal(size=size)
    losses = []
    for epoch in range(1, EPOCHS + 1):
        weights = weights * 0.99 + np.random.default_rng([result.seed, epoch]).normal(size=size)
        losses.append(float(np.abs(weights).sum()))
    np.testing.assert_array_equal(result.history["epoch"], np.arange(1, EPOCHS + 1))
    np.testing.assert_array_equal(result.history["loss"], losses)
    np.testing.assert_array_equal(result.arrays["weights"], weights)


def test_a_twin_that_was_given_up_stops_when_it_sees_its_successor(rough_study: SlurmStudy) -> None:
    """SLURM gives a node up and starts its workers again elsewhere; the old ones live on, and nothing counts twice.

    "told": the srun on the node hears of it and ends, so the claim is taken over at once. "cut": nothing on the node
    hears of it; both train, apart, until the old one falls silent for a lease.
    """
    study, cluster = rough_study, rough_study.cluster
    study.profile("twins", PROFILE.replace("lease_s = 8.0", f"lease_s = {LEASE_S}"))
    sweeps = {
        name: study.sweep(name, BODY.format(size=size), profile="twins") for size, name in ((5, "told"), (6, "cut"))
    }
    cluster.wait_until(cluster.has_idle_nodes)  # the steps of an earlier test may go slowly
    jobs = {name: study.submit(sweep) for name, sweep in sweeps.items()}
    cluster.wait_until(lambda: all("running" in study.states(sweep) for sweep in sweeps.values()))
    (node,) = {cluster.ask("squeue", "-h", "-j", job, "-o", "%N") for job in jobs.values()}
    old = _events(study, "cut", "start")[0]["pid"]
    with _frozen(*_sruns(jobs["cut"], cluster.folder)):
        cluster.control("node-cut", node)
        cluster.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=cut")  # sooner than it would notice
        cluster.wait_until(lambda: study.states(sweeps["cut"]) == ["running"] * 2)
        assert _generations(study, sweeps["cut"]) == [1, 1]
        with _frozen(*_with_children(old)):
            cluster.wait_until(lambda: _generations(study, sweeps["cut"]) == [1, 2])
        # an srun that comes back cancels "its" step, which by its number is the successor's now: not before the end
        cluster.wait_until(lambda: all(study.states(sweep) == ["done"] * 2 for sweep in sweeps.values()))
        # SLURM 24.11 calls them completing for as long as the node that was cut off does not answer
        cluster.wait_until(lambda: not any(cluster.living(job, "PD,R,RQ,S") for job in jobs.values()))
    cluster.control("node-up", node)
    for name, sweep in sweeps.items():
        stop = _events(study, name, "stop")[0]
        assert (stop["restart"], stop["why"], stop["next"]) == (0, "superseded", "")
        assert stop["endings"]["lost"] >= 1
        assert [event["restart"] for event in _events(study, name, "start")] == [0, 1]
        assert "ended:" not in study.run("status", sweep)
    results = list(Store(study.store).results())
    assert sorted((result.params["size"], result.seed) for result in results) == [(5, 0), (5, 1), (6, 0), (6, 1)]
    for result in results:
        _require_whole(result)
