"""A test part is evaluated once, with the weights that training ended with, whatever trained them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.errors import UsageError
from hpcsweep.training import fit, seed_everything
from hpcsweep.worker.crew import Crew, run_as_crew
from tests.training import nets
from tests.training.harness import FakeRun, outcome

DATA = nets.images(203, 45)
TESTED = DATA.with_test(43)
WITHOUT = replace(TESTED, x_test=None, y_test=None)
ENGINES = ("fit", "compiled", "compiled-xla")[: 3 if nets.BACKEND == "tensorflow" else 2]
STOP = {"metric": "val_loss", "mode": "min", "patience": 2, "min_delta": 0.0, "restore_best": True}


def trained(run: FakeRun, data=TESTED, build=nets.dropout):
    """The metrics that a training returns, and what Keras says of its model."""
    seed_everything(run.seed)
    model = build()
    metrics = fit(run, model, data)
    told = model.evaluate(TESTED.x_test, TESTED.y_test, batch_size=64, verbose=0, return_dict=True)
    return metrics, {f"test_{name}": pytest.approx(value, abs=1e-6) for name, value in told.items()}


def on_test(metrics: dict[str, float]) -> dict[str, float]:
    """The metrics on the test part."""
    return {name: value for name, value in metrics.items() if name.startswith("test_")}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_test_part_is_evaluated_at_the_end_and_changes_nothing(engine: str) -> None:
    """`test_*` is what Keras says of the final model; all else is as without a test part, also stopped and resumed."""
    run = FakeRun(3, engine=engine)
    metrics, told = trained(run)
    assert on_test(metrics) == told
    assert set(told) == {"test_loss", "test_accuracy"}
    without = FakeRun(3, engine=engine)
    plain, _ = trained(without, WITHOUT)
    assert {**plain, **on_test(metrics)} == metrics
    assert outcome(without) == outcome(run)
    assert not any(name.startswith("test_") for name in run.history)
    kept: list[bytes] = []
    stopped, _ = trained(FakeRun(3, engine=engine, checkpoints=kept, stop_after=1, checkpoint_every_s=0.0))
    assert on_test(stopped) == {}
    resumed, _ = trained(FakeRun(3, engine=engine, checkpoints=kept))
    assert resumed == metrics


def test_the_epoch_that_the_rule_chose_is_tested() -> None:
    """Where the stop rule restores the best epoch by validation data, that one is tested."""
    run = FakeRun(30, stop=STOP)
    metrics, told = trained(run, build=nets.dense)
    assert run.facts["best_restored"]
    assert on_test(metrics) == told


def test_members_of_a_stack_are_tested() -> None:
    """Each member of a stack has its own numbers on the test part, which do not depend on the others."""

    def numbers(*seeds: int) -> list[dict[str, float]]:
        def job(seed: int):
            def call(crew: Crew):
                run = FakeRun(2, seed=seed, engine="stacked", crew=crew)
                metrics, told = trained(run, build=nets.dense)
                assert run.facts["stacked"]
                assert on_test(metrics) == told
                found[seed] = metrics

            return call

        found: dict[int, dict[str, float]] = {}
        run_as_crew([job(seed) for seed in seeds])
        return [found[seed] for seed in seeds]

    assert numbers(0, 1, 2)[0] == numbers(0, 5, 6)[0]


ARRAYS: dict[str, Any] = {
    "x": TESTED.x, "y": TESTED.y, "validation_data": (TESTED.x_val, TESTED.y_val), "batch_size": 32,
}  # fmt: skip
TEST = (np.asarray(TESTED.x_test), np.asarray(TESTED.y_test))


class Batches(keras.utils.PyDataset):
    """Examples in batches of 20."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return -(-len(self.x) // 20)

    def __getitem__(self, at: int) -> Any:
        return self.x[20 * at : 20 * at + 20], self.y[20 * at : 20 * at + 20]


@pytest.mark.parametrize(
    "given",
    [
        {"test_data": TEST},
        {"test_data": Batches(*TEST)},
        {"test_data": TEST, "steps_per_epoch": 3},
        {"x": Batches(TESTED.x, TESTED.y), "y": None, "test_data": list(TEST)},
    ],
    ids=["arrays", "a stream", "arrays, trained in steps", "arrays beside a stream"],
)
def test_test_data_are_evaluated_as_a_test_part_is(given: dict[str, Any]) -> None:
    """Whether arrays or streams are trained on, and tested on, `test_*` is what Keras says of the final model."""
    run = FakeRun(2)
    seed_everything(run.seed)
    model = nets.dropout()
    metrics = fit(run, model, **{**ARRAYS, **given})
    told = model.evaluate(*TEST, batch_size=64, verbose=0, return_dict=True)
    assert on_test(metrics) == {f"test_{name}": pytest.approx(value, abs=1e-6) for name, value in told.items()}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"test_data": TEST[0]}, "neither"),
        ({"test_data": (TEST[0], TEST[1][:3])}, "has 45, y has 3 examples of test_data"),
        ({"test_data": (batch for batch in [TEST])}, "a generator; expected what can be begun anew"),
        ({"x": TESTED, "y": None, "validation_data": None, "test_data": TEST}, "a Data holds all of the data"),
    ],
)
def test_what_cannot_be_tested_on_is_refused_before_training(given: dict[str, Any], why: str) -> None:
    """Test data that are no (x, y), do not fit together, end never or are given twice are refused in a line."""
    run = FakeRun(2)
    with pytest.raises(UsageError, match=why):
        fit(run, nets.dropout(), **{**ARRAYS, **given})
    assert not run.history["epoch"]


def test_the_published_test_part_stays_one() -> None:
    """What was to validate on becomes the test part; the last training examples are validated on instead."""
    assert TESTED.x_test is not None
    assert TESTED.y_test is not None
    assert (len(TESTED.x), len(TESTED.x_val), len(TESTED.x_test)) == (160, 43, 45)
    assert np.array_equal(np.concatenate([TESTED.x, TESTED.x_val]), DATA.x)
    assert np.array_equal(TESTED.y_test, DATA.y_val)
    for wrong in (0, 203, True):
        with pytest.raises(UsageError, match="expected from 1 to 202"):
            DATA.with_test(wrong)
    with pytest.raises(UsageError, match="a test part already"):
        TESTED.with_test(3)
