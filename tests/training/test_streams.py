"""Data in batches go through one true `model.fit`: as plain Keras trains, and resumed as the record says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.errors import UsageError
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.state.variables import weights_sha256
from tests.training import nets
from tests.training.examples.catalogue import Augmented
from tests.training.harness import FakeRun

pytestmark = nets.tensorflow_only
X, Y = np.random.default_rng(0).random((40, 8, 8, 1)).astype("float32"), np.arange(40) % 3
EPOCHS = 4


def dataset(*, shuffle: bool = True) -> Any:
    """A tf.data set, shuffled anew for every epoch, with noise drawn inside it."""
    import tensorflow as tf

    whole = tf.data.Dataset.from_tensor_slices((X, Y))
    return (whole.shuffle(40) if shuffle else whole).batch(16)


def generator() -> Any:
    """Batches without end, drawn from NumPy's global generator."""
    while True:
        rows = np.random.permutation(40)[:16]
        yield X[rows], Y[rows]


def empty() -> Any:
    """No batch at all."""
    yield from ()


STREAMS: dict[str, Callable[[], dict[str, Any]]] = {
    "tf.data": lambda: {"x": dataset()},
    "tf.data in steps": lambda: {"x": dataset().repeat(), "steps_per_epoch": 2},
    "tf.data, validated": lambda: {"x": dataset(), "validation_data": dataset(), "validation_steps": 1},
    "PyDataset": lambda: {"x": Augmented(), "class_weight": {0: 2.0}},
    "generator": lambda: {"x": generator(), "steps_per_epoch": 3, "validation_data": (X, Y)},
}


def alone(name: str) -> Any:
    """Train by one call of plain `keras.Model.fit`."""
    seed_everything(5)
    model, given = nets.dropout(), STREAMS[name]()
    given.setdefault("shuffle", isinstance(given["x"], keras.utils.PyDataset))
    history = model.fit(**given, epochs=EPOCHS, verbose=0).history
    return {key: [float(v) for v in column] for key, column in history.items()}, weights_sha256(model)


def ours(make: Callable[[], dict[str, Any]], **settings: Any) -> FakeRun:
    """Train by one call of `fit`, which may be stopped."""
    more = {name: settings.pop(name) for name in ("resume",) if name in settings}
    run = FakeRun(EPOCHS, seed=5, **settings)
    seed_everything(5)
    model = nets.dropout()
    fit(run, model, **make(), **more)
    return run


def told(run: FakeRun) -> Any:
    """History and weights; a metric that an epoch lacks is left out, as Keras leaves it out."""
    columns = {key: column for key, column in run.history.items() if key not in ("epoch", "seconds")}
    known = {key: [value for value in column if not np.isnan(value)] for key, column in columns.items()}
    return known, run.facts.get("final_weights_sha256")


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_trained_as_keras_trains_it(name: str) -> None:
    """History and weights are those of `keras.Model.fit`, undisturbed, and stopped between epochs and inside."""
    expected = alone(name)
    whole = ours(STREAMS[name])
    assert told(whole) == expected
    assert whole.facts["engine"] == "fit"
    assert whole.facts["resume"] == "to the bit, from the end of an epoch"
    kept: list[bytes] = []
    attempts, run = 0, FakeRun(0)
    while "final_weights_sha256" not in run.facts:
        attempts += 1  # each has more time: it passes over what was seen before it trains
        run = ours(STREAMS[name], checkpoints=kept, stop_after=5 * attempts, checkpoint_every_s=0.0)
    assert attempts > 1
    assert told(run) == expected


def test_a_stream_may_go_on_without_passing_over_what_it_saw() -> None:
    """With resume = "statistical" a run that goes on sees what comes, and its record says so."""
    kept: list[bytes] = []
    ours(lambda: {"x": dataset()}, checkpoints=kept, stop_after=8, checkpoint_every_s=0.0, resume="statistical")
    run = ours(lambda: {"x": dataset()}, checkpoints=kept, resume="statistical")
    assert run.history["epoch"] == [1, 2, 3, 4]
    assert run.facts["resume"] == "statistically: sees what comes"


@pytest.mark.parametrize(
    "given",
    [
        {"steps_per_epoch": 2},
        {"steps_per_epoch": 4, "shuffle": False},
        {"validation_data": (X, Y), "validation_batch_size": 7},
        {"validation_data": (X, Y), "validation_steps": 1},
    ],
)
def test_arrays_with_steps_are_batches_without_end(given: dict[str, Any]) -> None:
    """Arrays of which an epoch takes only some batches go on in the next; stopped runs equal undisturbed ones."""
    whole = ours(lambda: {"x": X, "y": Y, "batch_size": 16, **given})
    kept: list[bytes] = []
    attempts, run = 0, FakeRun(0)
    while "final_weights_sha256" not in run.facts:
        attempts += 1
        more = {"checkpoints": kept, "stop_after": 5 * attempts, "checkpoint_every_s": 0.0}
        run = ours(lambda: {"x": X, "y": Y, "batch_size": 16, **given}, **more)
    assert told(run) == told(whole)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"x": dataset, "y": Y}, "x is a .*Dataset, and y is given; expected it alone"),
        ({"x": dataset, "validation_split": 0.5}, "x is a .*Dataset, and validation_split is given"),
        ({"x": lambda: 3}, "x is a int; expected arrays"),
        ({"x": lambda: "abc"}, "x is a str; expected arrays"),
        ({"x": lambda: empty()}, "gives nothing"),
        ({"x": lambda: None}, "no data are given"),
    ],
)
def test_what_is_no_data_is_refused_by_its_name(given: dict[str, Any], words: str) -> None:
    """What cannot be trained on is named, with what is accepted."""
    run = FakeRun(1)
    seed_everything(0)
    with pytest.raises(UsageError, match=words):
        fit(run, nets.dense(), **{**given, "x": given["x"]()})
    assert run.history == {"epoch": []}


def test_torch_loaders_are_batches_that_come() -> None:
    """A DataLoader is passed over like any other stream."""
    torch = pytest.importorskip("torch")
    loading = pytest.importorskip("torch.utils.data")

    def loader() -> Any:
        torch.manual_seed(5)
        return loading.DataLoader(loading.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=16, shuffle=True)

    whole = ours(lambda: {"x": loader()})
    kept: list[bytes] = []
    attempts, run = 0, FakeRun(0)
    while "final_weights_sha256" not in run.facts:
        attempts += 1
        run = ours(lambda: {"x": loader()}, checkpoints=kept, stop_after=5 * attempts, checkpoint_every_s=0.0)
    assert told(run) == told(whole)
    assert re.match("to the bit", run.facts["resume"])
