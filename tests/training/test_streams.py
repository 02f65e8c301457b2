"""Data in batches go through one true `model.fit`: as plain Keras trains, and resumed as the record says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.errors import UsageError
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.programs import partial_epoch
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


class Batches(keras.callbacks.Callback):
    """Counts batches, and tells it at the end of an epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.count += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["batches"] = float(self.count)


class Drawing(keras.utils.PyDataset):
    """Batches that it draws from a generator of its own; a look at one changes what comes next."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random, self.given = np.random.RandomState(seed), 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        self.given += 1
        rows = self.random.randint(0, 40, 8)
        return X[rows] * (index + np.random.random()), Y[rows]


GUARANTEES = {row["data"]: row for row in json.loads(Path(__file__).with_name("guarantees.json").read_text())}
"""What docs/reference/engines.md says of each kind of data."""
STREAMS: dict[str, Callable[[], dict[str, Any]]] = {
    "`tf.data.Dataset`": lambda: {"x": dataset()},
    "`tf.data.Dataset` with `steps_per_epoch`": lambda: {"x": dataset().repeat(), "steps_per_epoch": 2},
    "`tf.data.Dataset`, validated on one": lambda: {
        "x": dataset(),
        "validation_data": dataset(),
        "validation_steps": 1,
    },
    "`PyDataset`": lambda: {"x": Augmented(), "class_weight": {0: 2.0}},
    "`PyDataset` with `steps_per_epoch`": lambda: {"x": Drawing(1), "steps_per_epoch": 2},
    "`PyDataset`, validated on one": lambda: {
        "x": Drawing(1),
        "validation_data": Drawing(2),
        "validation_freq": 2,
    },
    "`PyDataset`, validated on a `tf.data.Dataset`": lambda: {
        "x": Drawing(1),
        "validation_data": dataset(),
        "validation_steps": 1,
    },
    "generator": lambda: {"x": generator(), "steps_per_epoch": 3, "validation_data": (X, Y)},
}
ARRAYS: dict[str, Callable[[], dict[str, Any]]] = {
    "arrays, a dict, list or tuple of them, or `Data`": lambda: {"x": X, "y": Y},
    "arrays, with a callback that acts inside epochs": lambda: {"x": X, "y": Y, "callbacks": [Batches()]},
    "arrays with `steps_per_epoch` or `validation_freq`": lambda: {"x": X, "y": Y, "steps_per_epoch": 2},
    "arrays, validated on a stream": lambda: {
        "x": X,
        "y": Y,
        "validation_data": dataset(),
        "validation_steps": 1,
    },
}
OTHERS: dict[str, Callable[[], dict[str, Any]]] = {
    "`PyDataset` with several workers": lambda: {"x": Augmented(workers=2)},
    'a stream with `resume="statistical"`': lambda: {"x": dataset(), "resume": "statistical"},
    'anything with `resume="restart"`': lambda: {"x": X, "y": Y, "resume": "restart"},
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


def stopped_again_and_again(make: Callable[[], dict[str, Any]], questions: int = 5) -> FakeRun:
    """Train by many calls of `fit`, each with more time: one passes over what was seen before it trains."""
    kept: list[bytes] = []
    for attempt in range(1, 100):
        run = ours(make, checkpoints=kept, stop_after=questions * attempt, checkpoint_every_s=0.0)
        if "final_weights_sha256" in run.facts:
            assert attempt > 1
            return run
    raise AssertionError("it never came to its end")


def require_as_told(name: str, run: FakeRun) -> None:
    """Compare a run with what the page says of its data."""
    assert {key: run.facts[key] for key in ("engine", "resume")} == {
        key: GUARANTEES[name][key] for key in ("engine", "resume")
    }


def told(run: FakeRun) -> Any:
    """History and weights; a metric that an epoch lacks is left out, as Keras leaves it out."""
    columns = {key: column for key, column in run.history.items() if key not in ("epoch", "seconds")}
    known = {key: [value for value in column if not np.isnan(value)] for key, column in columns.items()}
    return known, run.facts.get("final_weights_sha256")


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_trained_as_keras_trains_it(name: str) -> None:
    """History and weights are those of `keras.Model.fit`, undisturbed, and stopped between epochs and inside."""
    expected = alone(name)
    whole = ours(STREAMS[name])
    assert told(whole) == expected
    require_as_told(name, whole)
    assert told(stopped_again_and_again(STREAMS[name])) == expected


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_go_on_as_the_page_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record has the engine and the guarantee that the page has; a run stopped after each batch ends the same."""
    monkeypatch.setattr(partial_epoch, "CALL_S", 0.0)
    monkeypatch.setattr(partial_epoch, "LONG_EPOCH_S", 0.0)
    whole = ours(ARRAYS[name])
    require_as_told(name, whole)
    assert told(stopped_again_and_again(ARRAYS[name], questions=1)) == told(whole)


@pytest.mark.parametrize("name", OTHERS)
def test_weaker_guarantees_are_those_of_the_page(name: str) -> None:
    """Where a run that goes on equals no undisturbed one, the record says so in the words of the page."""
    require_as_told(name, ours(OTHERS[name]))


def test_the_page_has_every_kind_of_data_that_is_trained_here() -> None:
    """No row of the table is without its test."""
    assert {*STREAMS, *ARRAYS, *OTHERS} == set(GUARANTEES)


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
