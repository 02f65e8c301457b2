"""What stays of the checkpoints of a trajectory that is done, and longer runs with and without them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import hpcsweep
from hpcsweep.store.checkpoints import CheckpointName, list_checkpoints
from tests.conftest import Study

JOB = """
import numpy as np
def train(run, *, rate: float, epochs: int):
    state = run.restore() or {"epoch": 0, "x": 3.0}
    run.record(began_at=state["epoch"])
    while state["epoch"] < epochs:
        epoch = state["epoch"] + 1
        state = {"epoch": epoch, "x": state["x"] - rate * np.random.default_rng([run.seed, epoch]).standard_normal()}
        run.log(epoch=epoch, loss=state["x"])
        run.checkpoint(state)
"""
ALONE = JOB.replace("epochs: int)", "steps: int = 4)").replace("< epochs", "< steps")
SWEEP = (
    'name = "s"\njob = "jobs/walk.py:train"\n[grid]\nrate = [0.1]\nepochs = {epochs}\n[keep]\ncheckpoints = "{kept}"\n'
)


def checkpoints(study: Study) -> list[CheckpointName]:
    """Return all checkpoints in the store."""
    return list_checkpoints([path.name for path in study.store.glob("trajectories/*/*/checkpoint*")])


def run(study: Study, epochs: list[int], kept: str) -> str:
    """Train the sweep, and return the log of the newest attempt."""
    path = study.sweep("s", SWEEP.format(epochs=epochs, kept=kept))
    ended = study.run("run", path, "--quiet")
    assert ended.returncode == 0, ended.stderr
    return max(study.store.glob("trajectories/*/*/log.*")).read_text()


@pytest.mark.parametrize("kept", ["last", "none"])
def test_a_longer_run_goes_on_from_the_last_checkpoint_or_begins_anew(study: Study, kept: str) -> None:
    """Of a trajectory that is done one checkpoint stays, or none; a longer run has the same numbers to the bit."""
    study.job("walk", JOB)
    run(study, [3, 5], kept)
    assert [one.epoch for one in checkpoints(study)] == ([5] if kept == "last" else [])
    sweep = study.sweep("s", SWEEP.format(epochs=[3, 5, 9], kept=kept))
    planned = study.run("plan", sweep).stdout
    assert ("1 trajectories are trained from their start" in planned) == (kept == "none")
    assert ("trained from its first epoch" in run(study, [3, 5, 9], kept)) == (kept == "none")
    runs, history = hpcsweep.runs(sweep), hpcsweep.history(sweep)
    began = {
        epochs: hpcsweep.show(sweep, run)["began_at"] for run, epochs in zip(runs["id"], runs["epochs"], strict=True)
    }
    assert began == {3: 0, 5: 3, 9: 5 if kept == "last" else 0}
    losses = [history[history["id"] == run]["loss"].tolist() for run in runs["id"]]
    assert [len(column) for column in losses] == [3, 5, 9]
    assert losses[0] == losses[2][:3]
    assert losses[1] == losses[2][:5]


def test_a_training_that_can_go_no_further_leaves_no_checkpoint(study: Study) -> None:
    """Where no longer run can lie on the trajectory, nobody can need its checkpoints."""
    study.job("walk", ALONE)
    path = study.sweep("s", 'name = "s"\njob = "jobs/walk.py:train"\n[grid]\nrate = [0.1, 0.2]\n')
    assert study.run("run", path, "--quiet").returncode == 0
    assert checkpoints(study) == []


def test_a_longer_run_that_was_stopped_keeps_its_place(study: Study) -> None:
    """A sweep that finishes a shorter run of the trajectory, and keeps none, leaves the longer one's checkpoint."""
    waits = """        while epoch > 5 and not (run.study / "go").exists():
            if run.should_stop:
                return
"""
    study.job("walk", JOB.replace("        run.log", f"{waits}        run.log"))
    path = study.sweep("s", SWEEP.format(epochs=[9], kept="last"))
    began = study.start("run", path, "--quiet")
    while [one.epoch for one in checkpoints(study)][-1:] != [5]:
        time.sleep(0.1)
        assert began.poll() is None
    os.killpg(began.pid, signal.SIGINT)
    began.communicate(timeout=60)
    Path(study.root, "go").touch()
    run(study, [4], "none")
    assert [one.epoch for one in checkpoints(study)] == [5]
    run(study, [9], "none")
    assert checkpoints(study) == []
