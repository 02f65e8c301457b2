"""Processes end with their command: whatever ends `hpcsweep run`, its workers write their checkpoints and stop."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcsweep.store import Store
from hpcsweep.store.checkpoints import list_checkpoints
from tests.conftest import COMMAND, Study

JOB = """
import time
def train(run, *, n: int, epochs: int):
    state = run.restore() or {"epoch": 0}
    for epoch in range(state["epoch"] + 1, epochs + 1):
        time.sleep(0.05)
        run.log(epoch, score=float(epoch))
        if run.should_stop:
            run.checkpoint({"epoch": epoch})
            return
"""
SWEEP = """
name = "long"
job = "jobs/long.py:train"
[fixed]
epochs = 100000
[grid]
n = [1, 2]
"""


@pytest.fixture
def path(study: Study) -> Path:
    """A sweep of two runs that take an hour and more."""
    study.job("long", JOB)
    return study.sweep("long", SWEEP)


def workers_of(study: Study) -> set[int]:
    """Return the processes that train or wait for those that do."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words, state = (process / "cmdline").read_bytes(), (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"submitit" in words and str(study.root).encode() in words and state[0] not in "ZX":
            found.add(int(process.name))
    return found


def both_train(study: Study) -> bool:
    """Whether two trajectories are claimed."""
    store = Store(study.store)
    return sum(store.is_claimed(one) for one in store.layout.trajectory_ids()) == 2


def stopped_with_checkpoints(study: Study) -> bool:
    """Whether no worker is left, and each trajectory has a checkpoint and is given back."""
    store = Store(study.store)
    names = [store.folder(one).names() for one in store.layout.trajectory_ids()]
    return all(map(list_checkpoints, names)) and not any(map(store.is_claimed, store.layout.trajectory_ids()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_workers_stop_with_checkpoints_when_their_command_is_ended(
    study: Study, path: Path, number: int, wait_until: Callable[..., None]
) -> None:
    """kill, a closed terminal, ctrl-C and kill -9 of the command: no worker trains on, and nothing is lost."""
    command = study.start("run", path, "--workers", "2")
    wait_until(lambda: both_train(study))
    assert len(workers_of(study)) >= 2
    os.kill(command.pid, number)
    command.communicate(timeout=60)
    wait_until(lambda: not workers_of(study), 30)
    assert stopped_with_checkpoints(study)
    assert command.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)


def test_workers_stop_when_the_reader_of_a_pipe_leaves(
    study: Study, path: Path, wait_until: Callable[..., None]
) -> None:
    """`hpcsweep run ... 2>&1 | head` leaves no worker behind."""
    command = subprocess.Popen(
        [*COMMAND, "run", str(path), "--workers", "2"],
        cwd=study.root,
        env=study.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    wait_until(lambda: both_train(study))
    assert command.stdout is not None
    command.stdout.close()
    command.wait(60)
    wait_until(lambda: not workers_of(study), 30)
    assert stopped_with_checkpoints(study)


def test_status_names_workers_of_this_machine_and_cancel_stops_them(
    study: Study, path: Path, wait_until: Callable[..., None]
) -> None:
    """What `hpcsweep run` in another terminal has started can be seen and stopped, and goes on when it is asked to."""
    command = study.start("run", path, "--workers", "2")
    wait_until(lambda: both_train(study))
    said = study.run("status", path).stdout
    assert f" on {os.uname().nodename}" in said
    assert "workers: pid " in said
    assert "its workers write checkpoints and stop" in study.run("cancel", path).stdout
    command.communicate(timeout=60)
    assert not workers_of(study)
    assert stopped_with_checkpoints(study)
    assert "has no workers" in study.run("cancel", path).stderr
    again = study.start("run", path, "--workers", "2")
    wait_until(lambda: both_train(study))
    time.sleep(0.5)
    assert again.poll() is None
    os.kill(again.pid, signal.SIGTERM)
    again.communicate(timeout=60)
