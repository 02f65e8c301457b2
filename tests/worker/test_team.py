"""Workers of one machine: what they share is an import, and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcsweep.store import Store
from hpcsweep.store.claims import read_owner
from tests.conftest import Study

SHARES = """
import os, time
from pathlib import Path
{imports}

def parent(pid):
    return int(Path(f"/proc/{{pid}}/stat").read_text().rpartition(")")[2].split()[1])

def train(run, *, step: int):
    time.sleep(1)
    worker = parent(os.getpid())
    team = parent(worker)
    loaded = "_pywrap_tensorflow" in Path(f"/proc/{{team}}/maps").read_text()
    return {{"worker": worker, "team": team, "loaded": loaded}}
"""
SLOW = """
import time

def train(run, *, step: int):
    while not run.should_stop:
        time.sleep(0.1)
"""
SWEEP = 'name = "two"\njob = "jobs/two.py:train"\n[grid]\nstep = [1, 2]\n'
Wait = Callable[[Callable[[], bool], float], None]


@pytest.mark.training
@pytest.mark.parametrize(("imports", "loaded"), [("import keras", 1.0), ("", 0.0)], ids=["Keras", "no Keras"])
def test_workers_share_the_import_of_keras(study: Study, imports: str, loaded: float) -> None:
    """Two workers are children of one process, which has loaded TensorFlow if their job needs it, and else has not."""
    study.job("two", SHARES.format(imports=imports))
    ended = study.run("run", study.sweep("two", SWEEP), "--workers", "2", "--quiet")
    assert ended.returncode == 0, ended.stderr
    found = [result.metrics for result in Store(study.store).results()]
    assert [one["loaded"] for one in found] == [loaded, loaded]
    assert len({one["team"] for one in found}) == 1
    assert len({one["worker"] for one in found}) == 2


def at_work(study: Study) -> list[int]:
    """Return the ids of the processes that train at this moment."""
    store = Store(study.store)
    looks = [store.look(one) for one in store.layout.trajectory_ids()]
    owners = [read_owner(look.folder, look.generation) for look in looks if look.alive]
    return [int(owner["pid"]) for owner in owners if runs(int(owner["pid"]))]


def parent_of(pid: int) -> int:
    """Return the id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended but is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture
def two(study: Study) -> Study:
    """A study whose two runs go on until they are asked to stop."""
    study.job("two", SLOW)
    study.sweep("two", SWEEP)
    return study


def test_a_killed_worker_dies_alone(two: Study, wait_until: Wait) -> None:
    """Kill -9 of a worker ends what it trains; the other worker trains on, and ctrl-C still ends it in order."""
    command = two.start("run", "sweeps/two.toml", "--workers", "2", "--quiet")
    wait_until(lambda: len(at_work(two)) == 2, 60)
    killed, other = at_work(two)
    os.kill(parent_of(killed), signal.SIGKILL)
    wait_until(lambda: not runs(killed), 60)
    assert runs(other)
    os.killpg(command.pid, signal.SIGINT)
    said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    assert not runs(other)


def test_all_die_with_the_process_that_they_share(two: Study, wait_until: Wait) -> None:
    """Kill -9 of the process that forked the workers leaves none behind that would train beside their successors."""
    command = two.start("run", "sweeps/two.toml", "--workers", "2", "--quiet")
    wait_until(lambda: len(at_work(two)) == 2, 60)
    children = at_work(two)
    os.kill(parent_of(parent_of(children[0])), signal.SIGKILL)
    wait_until(lambda: not any(map(runs, children)), 60)
    os.killpg(command.pid, signal.SIGINT)
    said = command.communicate(timeout=60)
    assert command.returncode == 130, said
