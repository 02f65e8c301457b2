"""`engine = "stacked"`: runs of one shape are trained together, and each is still a run of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcsweep.store import Result, Store
from tests.conftest import Study

SWEEP = """
name = "stacked"
job = "jobs/dense_classifier.py:train"
repeats = 2
[fixed]
layers = 1
neurons = 8
[grid]
learning_rate = [0.003, 0.01]
epochs = [2, 4]
[training]
engine = "{engine}"
stack_size = 2
"""


def results(store: Path) -> dict[str, Result]:
    """Return all results of a store by run."""
    return {result.id: result for result in Store(store).results()}


def test_a_stacked_sweep_gives_every_run_its_own_result(tmp_path: Path) -> None:
    """Runs that differ in seed and rate train in stacks of the size that the sweep file sets; each equals the run
    trained singly, up to rounding."""
    assert Study(tmp_path).run("init", tmp_path / "study").returncode == 0
    study = Study(tmp_path / "study")
    singly = study.sweep("singly", SWEEP.format(engine="compiled"))
    assert study.run("run", singly, "--quiet", "--store", study.root / "singly").returncode == 0
    ended = study.run("run", study.sweep("stacked", SWEEP.format(engine="stacked")), "--quiet", "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    together, alone = results(study.store), results(study.root / "singly")
    assert len(together) == 8
    assert together.keys() == alone.keys()
    for run_id, result in together.items():
        assert result.facts["stacked"] is True
        assert result.facts["stack_members"] == 2
        assert alone[run_id].facts["stacked"] is False
        assert result.facts["initial_weights_sha256"] == alone[run_id].facts["initial_weights_sha256"]
        assert result.history["epoch"].tolist() == list(range(result.params["epochs"] + 1))
        assert np.allclose(result.history["val_loss"], alone[run_id].history["val_loss"], atol=1e-4)


STEEP = """
import keras
import numpy as np
from hpcsweep.data import Data
from hpcsweep.training import fit

def train(run, *, learning_rate: float, epochs: int):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(learning_rate), "mse")
    return fit(run, model, DATA, epochs=epochs, batch_size=101)

X = np.random.default_rng(0).uniform(-3, 3, (101, 1))
DATA = Data(X, 1e3 * np.sin(X), X[:20], 1e3 * np.sin(X[:20]))
"""
HALVING = """
name = "steep"
job = "jobs/steep.py:train"
[grid]
learning_rate = [0.05, 2.0, 0.1]
epochs = [2, 150]
[training]
engine = "{engine}"
[on_divergence]
halve = "learning_rate"
times = 5
"""


def test_a_member_that_diverges_begins_again_with_half_the_rate(study: Study) -> None:
    """In a stack, too, a rate that diverges is halved until it does not, recorded as where runs train singly."""
    study.job("steep", STEEP)
    singly = study.sweep("singly", HALVING.format(engine="compiled"))
    assert study.run("run", singly, "--quiet", "--store", study.root / "singly").returncode == 0
    ended = study.run("run", study.sweep("stacked", HALVING.format(engine="stacked")), "--quiet", "--workers", "1")
    assert ended.returncode == 0, ended.stderr
    together, alone = results(study.store), results(study.root / "singly")
    assert together.keys() == alone.keys()
    for run_id, result in together.items():
        assert result.outcome == "done"
        left = result.params["learning_rate"] == 2.0 and result.params["epochs"] == 150
        assert len(result.facts.get("divergences", [])) == (3 if left else 0)
        assert result.facts.get("divergences") == alone[run_id].facts.get("divergences")
        assert result.facts["stacked"] is not left
        assert np.allclose(result.history["val_loss"], alone[run_id].history["val_loss"], rtol=1e-4)
