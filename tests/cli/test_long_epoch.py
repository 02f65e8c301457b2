"""An epoch that is longer than a worker's time: it is stopped and kept inside, and gone on from there."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from hpcsweep.launch.verify import differences
from hpcsweep.store import Result, Store
from tests.conftest import Study

JOB = """
import keras
import numpy as np
from hpcsweep.data import Data
from hpcsweep.training import fit

def train(run, *, epochs: int):
    chance = np.random.default_rng(0)
    data = Data(chance.random((120_000, 4)), chance.random((120_000, 1)), chance.random((9, 4)), chance.random((9, 1)))
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dropout(0.2), layers.Dense(1)])
    model.compile("adam", "mse")
    return fit(run, model, data, epochs=epochs, batch_size=1)
"""
SWEEP = """
name = "long"
job = "jobs/long.py:train"
[grid]
epochs = [1]
[training]
engine = "compiled"
"""


def the_result(store: Path) -> Result:
    """Return the only result of a store."""
    (result,) = Store(store).results()
    return result


def test_a_stop_inside_an_epoch_loses_nothing(study: Study, wait_until: Callable[..., None]) -> None:
    """Stopped inside its first epoch, a run goes on from there and ends as if undisturbed, to the bit."""
    study.job("long", JOB)
    path = study.sweep("long", SWEEP)
    command = study.start("run", path, "--quiet", "--workers", "1")
    wait_until(lambda: any(study.store.rglob("checkpoint.*")), 120)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    kept = sorted(file.name for file in study.store.rglob("checkpoint.*"))
    assert kept
    assert all(name.endswith(".e1") for name in kept)
    assert not any(study.store.rglob("run-*.json"))
    assert '"resumable"' in study.run("status", path, "--json").stdout
    assert study.run("run", path, "--quiet").returncode == 0
    assert study.run("run", path, "--quiet", "--store", study.root / "undisturbed").returncode == 0
    gone_on = the_result(study.store)
    assert len(gone_on.facts["attempts"]) == 2
    assert differences(gone_on, the_result(study.root / "undisturbed")) == []
