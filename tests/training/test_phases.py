"""Several trainings in one run: each with its own optimizer, epochs and columns, and resumed in the right one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.errors import JobError, StoreError, UsageError
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.state.variables import weights_sha256
from tests.training import nets
from tests.training.harness import FakeRun

DATA = nets.images(60, 20)
L = keras.layers


def two_phases(run: FakeRun, *, names: tuple[str, str] = ("head", "fine"), disturbed: bool = False) -> dict[str, float]:
    """Train a new head on a frozen base, then all of it with a smaller rate, with numbers drawn in between."""
    seed_everything(run.seed)
    base = keras.Sequential([keras.Input((8, 8, 1)), L.Flatten(), L.Dense(8, "relu"), L.Dropout(0.2)])
    model = keras.Sequential([keras.Input((8, 8, 1)), base, L.Dense(3, "softmax")])
    base.trainable = False
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit(run, model, DATA, epochs=2, batch_size=16, phase=names[0])
    base.trainable = True
    if disturbed:
        model.set_weights([weight + 1 for weight in model.get_weights()])
    rate = 1e-3 * (1 + np.random.random())
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, DATA, epochs=3, batch_size=16, phase=names[1])


def results(run: FakeRun) -> Any:
    """What must be equal to the bit."""
    columns = {name: np.array(column).tobytes() for name, column in run.history.items() if name != "seconds"}
    return columns, run.facts["phases"]


def run_of(**settings: Any) -> FakeRun:
    """A run whose handle does not count epochs: in phases none are shared."""
    return FakeRun(1000, seed=2, **settings)


def test_each_phase_has_its_epochs_and_columns() -> None:
    """The history counts on through the phases, each with an evaluation of its start; columns are named by phase."""
    run = run_of()
    returned = two_phases(run)
    assert run.history["epoch"] == list(range(3 + 4))
    assert np.isnan(run.history["head_loss"]).tolist() == [False] * 3 + [True] * 4
    assert np.isnan(run.history["fine_loss"]).tolist() == [True] * 3 + [False] * 4
    assert returned["loss"] == run.history["fine_loss"][-1]


def test_the_second_phase_begins_where_the_first_ended() -> None:
    """The digests of the record prove it; where the job changes the weights in between, they say so."""
    run = run_of()
    two_phases(run)
    head, fine = run.facts["phases"]["head"], run.facts["phases"]["fine"]
    assert fine["initial_weights_sha256"] == head["final_weights_sha256"]
    assert (fine["after"], fine["begins_where_that_ended"]) == ("head", True)
    assert run.facts["initial_weights_sha256"] == head["initial_weights_sha256"]
    assert run.facts["final_weights_sha256"] == fine["final_weights_sha256"]
    other = run_of()
    two_phases(other, disturbed=True)
    assert other.facts["phases"]["fine"]["begins_where_that_ended"] is False


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_a_run_goes_on_in_the_phase_it_was_in(engine: str) -> None:
    """Stopped again and again, in both phases, the run ends with the bits of the undisturbed one."""
    whole = run_of(engine=engine)
    two_phases(whole)
    kept: list[bytes] = []
    attempts, reached = 0, set()
    while True:
        run = run_of(engine=engine, checkpoints=kept, stop_after=1)
        two_phases(run)
        attempts += 1
        reached.add("fine" in run.facts["phases"])
        if "final_weights_sha256" in run.facts["phases"].get("fine", {}):
            break
    assert attempts > 2
    assert reached == {True, False}
    assert results(run) == results(whole)


def test_a_phase_equals_a_training_of_its_own() -> None:
    """The first phase has the numbers of the same training without phases."""
    run, lone = run_of(), FakeRun(2, seed=2)
    two_phases(run)
    seed_everything(2)
    base = keras.Sequential([keras.Input((8, 8, 1)), L.Flatten(), L.Dense(8, "relu"), L.Dropout(0.2)])
    model = keras.Sequential([keras.Input((8, 8, 1)), base, L.Dense(3, "softmax")])
    base.trainable = False
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit(lone, model, DATA, batch_size=16)
    assert lone.history["loss"] == run.history["head_loss"][:3]
    assert weights_sha256(model) == run.facts["phases"]["head"]["final_weights_sha256"]


def test_two_calls_that_cannot_be_told_apart_are_refused() -> None:
    """A second call of `fit` without a phase, or with the same one, is refused when it is made."""
    run = FakeRun(1)
    seed_everything(0)
    fit(run, nets.dense(), DATA)
    with pytest.raises(JobError, match="called a second time in this run"):
        fit(run, nets.dense(), DATA)
    with pytest.raises(JobError, match="called a second time in this run"):
        fit(run, nets.dense(), DATA, phase="fine")
    with pytest.raises(JobError, match="twice with phase 'same'"):
        two_phases(run_of(), names=("same", "same"))
    with pytest.raises(UsageError, match='expected a word such as "head"'):
        fit(FakeRun(1), nets.dense(), DATA, phase="val_x")
    with pytest.raises(UsageError, match="on_divergence"):
        fit(FakeRun(1, on_divergence={"halve": "learning_rate"}), nets.dense(), DATA, phase="head")


def test_other_phases_than_the_checkpoint_has_are_refused() -> None:
    """A job whose phases were renamed under its checkpoints is noticed."""
    kept: list[bytes] = []
    two_phases(run_of(checkpoints=kept))
    with pytest.raises(StoreError, match="has the phase head where the job now has begin"):
        two_phases(run_of(checkpoints=kept), names=("begin", "fine"))
