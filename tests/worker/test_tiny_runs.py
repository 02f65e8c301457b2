"""Runs that take milliseconds: their results are written together, and nothing else about them differs."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from hpcsweep.launch.plan import plan_of
from hpcsweep.launch.submission import manifest_of, write_submission
from hpcsweep.store import Store
from hpcsweep.store.manifest import read_manifest
from hpcsweep.sweep.load import load_sweep
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.work_loop import drain
from tests.conftest import Study

RUNS = 300
JOB = """
import os, time

def tiny(run, *, number: int):
    with open(run.study / "trained.txt", "a") as file:
        file.write(f"{number}\\n")
    time.sleep(0.001)
    return {"square": number**2}
"""
SWEEP = f'name = "tiny"\njob = "jobs/tiny.py:tiny"\n[grid]\nnumber = {list(range(RUNS))}\n'


def train(study: Study) -> int:
    """Fork a worker that does all that is left of the sweep, and return its id."""
    sweep, store = load_sweep(study.root / "sweeps" / "tiny.toml"), Store(study.store)
    plan = plan_of(sweep, store)
    submission = write_submission(plan, store, manifest_of(plan, store, plan.unfinished(failed=False)))
    worker = os.fork()
    if not worker:
        try:
            store = Store(study.store, probes=True)
            drain(store, read_manifest(submission.manifest, to_train=True), submission, Stop())
        finally:
            os._exit(0)
    return worker


def kill(study: Study, worker: int) -> None:
    """Kill a worker, and wait until the process in which it trained has died with it."""
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    store = Store(study.store, probes=True)
    while any(map(store.is_claimed, store.layout.loose_ids())):
        time.sleep(0.05)


def results(study: Study) -> dict[int, float]:
    """Return the metric of each run that has a result, by its number; each result is read and checked."""
    return {one.params["number"]: one.metrics["square"] for one in Store(study.store).results()}


def trained(study: Study) -> list[int]:
    """Return the numbers of the runs in the order in which they were trained."""
    path = study.root / "trained.txt"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def tiny(study: Study) -> Study:
    """A study of many short runs."""
    study.job("tiny", JOB)
    study.sweep("tiny", SWEEP)
    return study


def test_a_killed_worker_loses_a_moment_at_most(tiny: Study) -> None:
    """However often workers are killed, what has a result is never trained again, and in the end each run has one."""
    chance = random.Random(0)
    for _ in range(4):
        worker, done, began = train(tiny), results(tiny), len(trained(tiny))
        more = chance.randint(4, 60)  # so that no run is the one in training at three kills, which would be its failure
        while len(trained(tiny)) < began + more and len(done) + more < RUNS:
            time.sleep(0.001)
        kill(tiny, worker)
        assert not set(trained(tiny)[began:]) & done.keys()
    os.waitpid(train(tiny), 0)
    assert results(tiny) == {number: number**2 for number in range(RUNS)}
    assert set(trained(tiny)) == set(range(RUNS))


def test_two_workers_share_short_runs(tiny: Study) -> None:
    """Two workers at once train each run once, and leave no claim and no ticket behind."""
    for worker in [train(tiny), train(tiny)]:
        os.waitpid(worker, 0)
    assert sorted(trained(tiny)) == list(range(RUNS))
    assert results(tiny) == {number: number**2 for number in range(RUNS)}
    store = Store(tiny.store)
    assert not any(store.is_claimed(trajectory_id) for trajectory_id, _ in store.result_ids())
    assert not [path for path in (tiny.store / "packs").iterdir() if path.name.startswith(".tmp-")]


def test_a_long_run_does_not_hold_up_short_ones(tiny: Study) -> None:
    """What was finished before a run that takes long has its result while that is still in training."""
    tiny.job("tiny", JOB.replace("0.001", "600 if number == 60 else 0.001"))
    worker, until = train(tiny), time.monotonic() + 60
    while len(results(tiny)) < 60 and time.monotonic() < until:
        time.sleep(0.1)
    kill(tiny, worker)
    assert results(tiny).keys() == set(range(60))
