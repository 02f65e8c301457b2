"""A worker of many architectures: its process is renewed when it has grown too big, and nobody's numbers change."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from hpcsweep.launch.verify import differences
from hpcsweep.store import Result, Store
from hpcsweep.store.claims import read_owner
from tests.conftest import Study

JOB = """
import os
import keras
from hpcsweep.data import load
from hpcsweep.training import fit

def train(run, *, neurons: int, epochs: int):
    resident = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9
    run.record(pid=os.getpid(), resident_gb=resident)
    data = load("digits")
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Flatten(),
                              keras.layers.Dense(neurons, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs)
"""
SWEEP = """
name = "{name}"
job = "jobs/many.py:train"
[fixed]
epochs = 2
[grid]
neurons = [3, 4, 5, 6, 7, 8, 9]
[training]
engine = "compiled"
{more}
"""
BOUND_GB = 0.05  # an architecture takes 0.015


def results(store: Path) -> list[Result]:
    """Return the results of a store in the order in which one worker takes them."""
    return sorted(Store(store).results(), key=lambda result: result.params["neurons"])


def growths_gb(found: list[Result]) -> list[float]:
    """Return for each process how much it had grown, from the beginning of its second run to that of its last."""
    by_process: dict[int, list[float]] = {}
    for result in found:
        by_process.setdefault(result.facts["pid"], []).append(result.facts["resident_gb"])
    return [max(sizes[1:]) - sizes[1] for sizes in by_process.values() if len(sizes) > 1]


def test_a_process_that_has_grown_too_big_is_renewed(study: Study) -> None:
    """Of seven architectures each result is the same to the bit, however often the process is renewed."""
    study.job("many", JOB)
    renewed = study.sweep("renewed", SWEEP.format(name="renewed", more=f"renew_gb = {BOUND_GB}"))
    whole = study.sweep("whole", SWEEP.format(name="whole", more=""))
    ended = study.run("run", renewed, "--quiet", "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    assert study.run("run", whole, "--quiet", "--workers", "1", "--store", study.root / "whole").returncode == 0
    ours, theirs = results(study.store), results(study.root / "whole")
    assert len(ours) == 7
    assert [differences(*pair) for pair in zip(ours, theirs, strict=True)] == [[]] * 7
    assert all(len(result.facts["attempts"]) == 1 for result in ours)
    assert len({result.facts["pid"] for result in theirs}) == 1
    assert 2 <= len({result.facts["pid"] for result in ours}) < 7
    assert max(growths_gb(ours)) <= BOUND_GB < max(growths_gb(theirs))


def claimed_by(store: Store) -> int | None:
    """Return the id of the process that trains at this moment."""
    looks = [store.look(one) for one in store.layout.trajectory_ids()]
    return next((int(read_owner(look.folder, look.generation)["pid"]) for look in looks if look.alive), None)


def parent_of(pid: int) -> int:
    """Return the id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_child_dies_with_its_worker(study: Study, wait_until: Callable[..., None]) -> None:
    """Kill -9 of a worker ends the child that trains for it."""
    study.job("many", JOB)
    path = study.sweep("long", SWEEP.format(name="long", more="").replace("epochs = 2", "epochs = 100000"))
    command, store = study.start("run", path, "--quiet", "--workers", "1"), Store(study.store)
    wait_until(lambda: claimed_by(store) is not None, 120)
    child = claimed_by(store)
    assert child is not None
    parent = parent_of(child)
    command.kill()
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: not (runs(parent) or runs(child)))
    command.communicate()


def test_kill_9_of_a_child_costs_one_attempt(study: Study, wait_until: Callable[..., None]) -> None:
    """The worker of a killed child goes on in a new one, and every run ends as it does undisturbed."""
    study.job("many", JOB)
    path = study.sweep("short", SWEEP.format(name="short", more=""))
    command, store = study.start("run", path, "--quiet", "--workers", "1"), Store(study.store)
    wait_until(lambda: claimed_by(store) is not None, 120)
    child = claimed_by(store)
    assert child is not None
    os.kill(child, signal.SIGKILL)
    said = command.communicate(timeout=240)
    assert command.returncode == 0, said
    found = results(study.store)
    assert sorted(len(result.facts["attempts"]) for result in found) == [1] * 6 + [2]
    assert child not in {result.facts["pid"] for result in found}


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended but is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
