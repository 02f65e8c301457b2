"""A sweep has as many workers as it wants: they are replaced, added, taken away, and take what is added."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.slurm.on_node.worker import count_fruitless
from hpcsweep.slurm.sending.resubmit import may_be_replaced
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.store import Store
from hpcsweep.store.events import Event
from hpcsweep.store.manifest import Manifest, ManifestRun, ManifestTrajectory, manifest_lines
from hpcsweep.store.task_files import SentArray, SlurmFiles
from hpcsweep.store.wanted import Wanted, write_wanted
from tests.conftest import REPOSITORY
from tests.slurm.study import CountedCommands, SlurmStudy

BODY = "repeats = {repeats}\n[fixed]\npace = {pace}\nepochs = 20\nsize = {size}\n[resources]\ntime = 10\nworkers = 3\n"
TERMS = SlurmTerms(Request(60.0), python=sys.executable, host_python=sys.executable)


def living(study: SlurmStudy) -> int:
    """Return how many workers are queued or running."""
    return len(study.cluster.ask("squeue", "-h", "-r", "-t", "PD,R", "-o", "%i").split())


def trained_once(study: SlurmStudy, sweep: Path) -> None:
    """Assert that every run is done, and that no epoch of any was trained twice after it was kept."""
    assert set(study.states(sweep)) == {"done"}
    results = [one for one in Store(study.store).results() if one.job == "jobs/steps.py:train"]
    assert len({one.id for one in results}) == len(results)
    assert all(list(one.history["epoch"]) == list(range(1, 21)) for one in results)


def test_a_sweep_is_brought_up_to_the_workers_that_it_wants(study: SlurmStudy, tmp_path: Path) -> None:
    """Of three workers two are lost: status says so and `resume` sends two. What a later submit adds is taken by those
    that live, `scale` takes workers away and adds some, and no run is lost or done twice.
    """
    own = SlurmStudy.create(tmp_path / "study", study.cluster)
    sweep = own.sweep("three", BODY.format(repeats=15, pace=0.2, size=31))
    array = own.submit(sweep)
    own.cluster.wait_until(lambda: own.states(sweep).count("running") == 3)
    own.cluster.ask("scancel", "--signal=KILL", "--full", f"{array}_0", f"{array}_1")
    own.cluster.wait_until(lambda: living(own) == 1)
    own.cluster.wait_until(
        lambda: "1 of 3 workers that are wanted live; type: hpcsweep resume" in own.run("status", sweep)
    )
    assert "2 workers (3 with those that live)" in own.run("resume", sweep)
    assert living(own) == 3
    assert "have workers already: 3 in the queue or at work" in own.run("resume", sweep)
    own.sweep("three", BODY.format(repeats=17, pace=0.2, size=31))
    commands = CountedCommands.create(tmp_path / "commands")
    assert "3 workers, in the queue or at work, take these" in own.run("submit", sweep, PATH=commands.path)
    assert sorted(commands.take()) == ["sacctmgr", "scontrol", "sinfo", "squeue"]
    assert "2 at work end at their next checkpoint" in own.run("scale", sweep, 1)
    own.cluster.wait_until(lambda: living(own) == 1)
    assert "1 workers are wanted, as was asked for before" in own.run("resume", sweep)
    assert "1 worker (2 with those that live)" in own.run("scale", sweep, 2)
    own.cluster.wait_until(lambda: set(own.states(sweep)) == {"done"}, 120)
    trained_once(own, sweep)
    stops = [event["why"] for event in own.events("three") if event["event"] == "stop"]
    assert stops.count("not wanted") == 2


def test_workers_that_die_are_replaced_but_not_for_ever(study: SlurmStudy, tmp_path: Path) -> None:
    """A run that kills its worker does so four times at most, the first three in a row for nothing; the others are
    trained without anybody's help, and the queue is empty at the end.
    """
    own = SlurmStudy.create(tmp_path / "study", study.cluster)
    (own.root / "jobs" / "poison.py").write_text(
        "import os, signal, time\n\n\ndef train(run, *, size: int):\n"
        "    if size == 1:\n        os.kill(os.getppid(), signal.SIGKILL)\n        time.sleep(30)\n"
        "    run.log(epoch=1, loss=0.0)\n"
    )
    sweep = own.sweep("poison", "[grid]\nsize = [1, 2, 3]\n[resources]\ntime = 5\nworkers = 1\n", "poison")
    own.submit(sweep)
    own.cluster.wait_until(lambda: sorted(own.states(sweep)) == ["done", "done", "failed"], 150)
    own.cluster.wait_until(lambda: living(own) == 0)
    starts = [event for event in own.events("poison") if event["event"] == "start"]
    assert len(starts) == 4
    assert "worker died" in own.run("status", sweep, code=1)


@pytest.mark.parametrize(
    ("events", "fruitless"),
    [
        ("start:2 exit:137", 3),
        ("start:2 progress exit:137", 0),
        ("start:1 stop:2 exit:0", 2),
        ("exit:137", 1),
        ("start:0 stop:1 exit:0 exit:137", 1),
        ("start:0 stop:1 exit:0 | exit:137", 2),
        ("start:0 stop:1 exit:0 | start:1 exit:137 | start:2 progress exit:9", 0),
        ("", 0),
    ],
)
def test_attempts_without_progress_are_counted_over_those_that_died(events: str, fruitless: int) -> None:
    """A worker that died says nothing at its end, and counts like one that stopped without having brought anything."""
    assert count_fruitless(list(_events(events)), 0) == fruitless


@pytest.mark.parametrize(
    ("way", "events", "replaced"),
    [
        ("requeue", "start:0 exit:137", True),
        ("resubmit", "start:0 exit:1", True),
        ("requeue", "exit:143", True),
        ("requeue", "exit:78", False),
        ("requeue", "exit:1", False),
        ("requeue", "start:3 exit:137", False),
        ("manual", "start:0 exit:137", False),
        ("chain", "start:0 exit:137", False),
    ],
)
def test_only_what_may_end_better_is_tried_again(files: SlurmFiles, way: str, events: str, replaced: bool) -> None:
    """A worker that died at work is replaced, up to a bound that is written down; a profile that fails is not tried
    again, nor does anything continue by itself where that was not asked for.
    """
    files.write_terms(SlurmTerms(Request(60.0), continue_by=way).to_json())
    files.events_path("7_0").write_text("".join(json.dumps(event) + "\n" for event in _events(events)))
    assert may_be_replaced(files, "7_0") is replaced
    last = files.events("7_0")[-1]
    assert (last["event"] == Event.GAVE_UP) == (events == "start:3 exit:137")


def test_workers_that_end_at_once_are_replaced_once_each(files: SlurmFiles, tmp_path: Path) -> None:
    """Three of four workers die in the same moment, of a sweep that wants three: each counts, one after the other, and
    together they send two.
    """
    trajectories = tuple(ManifestTrajectory(f"{n:064x}", n, {}, (ManifestRun(f"{n:064x}", {}),)) for n in range(9))
    manifest = Manifest("s", "jobs/a.py:f", tmp_path, 60.0, 1.0, trajectories)
    files.submission.manifest.write_text("".join(f"{line}\n" for line in manifest_lines(manifest)))
    files.record(SentArray("0" * 8, "s.0", 4, 0.0, "submit", "7", 0, 4))
    write_wanted(Store(files.submission.store_root).layout, "s", Wanted(3))
    tools, queue = tmp_path / "bin", tmp_path / "queue"
    tools.mkdir()
    queue.write_text("7_3|RUNNING|n1|N/A|0|None\n")
    sbatch = (
        'last=$(sed -n "s/.*--array=0-\\([0-9]*\\).*/\\1/p" $1); sleep 0.3\n'
        f'for n in $(seq 0 ${{last:-0}}); do echo "91_$n|RUNNING|n1|N/A|0|None" >>{queue}; done\n'
        "echo Submitted batch job 91"
    )
    for name, body in {"sbatch": sbatch, "squeue": f"cat {queue}"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    (tools / "srun").symlink_to("/bin/true")
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}
    for task in ("7_0", "7_1", "7_2"):
        files.events_path(task).write_text("".join(json.dumps(one) + "\n" for one in _events("start:0 exit:137")))
    words = [sys.executable, "-m", "hpcsweep.slurm.sending.resubmit", str(files.path)]
    ended = [subprocess.Popen([*words, task, "died"], env=environment) for task in ("7_0", "7_1", "7_2")]
    assert [one.wait() for one in ended] == [0, 0, 0]
    assert sum(sent.workers for sent in files.arrays()[1:]) == 2


@pytest.fixture
def files(tmp_path: Path) -> SlurmFiles:
    """An empty submission."""
    store = Store(tmp_path / "results")
    store.create()
    found = SlurmFiles(store.layout.submission("s", "1"))
    found.workers.mkdir(parents=True)
    found.write_terms(TERMS.to_json())
    return found


def _events(text: str) -> list[Mapping[str, Any]]:
    """Return events from words such as "start:1 exit:137": its count or code; a bar begins another attempt."""
    found: list[Mapping[str, Any]] = []
    for restart, attempt in enumerate(text.split("|")):
        for word in attempt.split():
            event, _, number = word.partition(":")
            fact = {"exit": "code"}.get(event, "fruitless")
            found.append({"event": event, "restart": restart, "time": 1} | ({fact: int(number)} if number else {}))
    return found
