"""Training an example: in plain Keras, with `fit`, and with `fit` stopped or killed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np

from hpcsweep.training import fit, seed_everything
from hpcsweep.training.examples import make_examples, map_arrays, packed
from hpcsweep.training.programs.fit_program import without
from hpcsweep.training.state.order import epoch_order
from hpcsweep.training.state.variables import weights_sha256
from tests.training.examples.catalogue import BATCH, Example
from tests.training.harness import FakeRun

SEED = 3
Result = tuple[dict[str, list[float]], str]
"""The history by metric, epochs from 1, and the digest of the final weights."""


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Build a model in another precision."""
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


class InOrder(keras.utils.PyDataset):
    """Arrays in the order that `fit` has for an epoch, so that plain Keras can be given the same."""

    def __init__(self, data: Any, size: int = BATCH) -> None:
        super().__init__()
        self.data, self.size, self.epoch = data, size, 0

    def __len__(self) -> int:
        batches: int = -(-self.data.examples // self.size)
        return batches

    def __getitem__(self, index: int) -> Any:
        rows = epoch_order(SEED, self.epoch + 1, self.data.examples)[index * self.size :][: self.size]
        return packed(*map_arrays(lambda array: array[rows], self.data.train))


class NoteEpoch(keras.callbacks.Callback):
    """Tells the data which epoch it is."""

    def __init__(self, data: InOrder) -> None:
        super().__init__()
        self.data = data

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.data.epoch = epoch


def in_plain_keras(example: Example) -> Result:
    """Train by one call of `keras.Model.fit` on examples in the order that `fit` has."""
    seed_everything(SEED)
    with policy(example.policy):
        model = example.build()
    given, callbacks = example.arguments(), example.callbacks()
    if hasattr(given["x"], "shape") or isinstance(given["x"], dict | tuple):
        of_data = ("x", "y", "validation_data", "validation_split", "class_weight", "sample_weight")
        arrays: dict[str, Any] = {name: given.pop(name) for name in of_data if name in given}
        data = make_examples(arrays.pop("x"), arrays.pop("y", None), arrays.pop("sample_weight", None), **arrays)
        if not callbacks:
            return _epoch_by_epoch(model, data, example.epochs)
        batches = InOrder(data)
        validation = tuple(part for part in data.validation if part is not None)
        given |= {"x": batches, "validation_data": validation or None, "validation_batch_size": BATCH, "shuffle": False}
        callbacks = [NoteEpoch(batches), *callbacks]
    elif not isinstance(given["x"], keras.utils.PyDataset):
        given["shuffle"] = False
    history = model.fit(**given, epochs=example.epochs, callbacks=callbacks, verbose=0).history
    return {name: [float(value) for value in column] for name, column in history.items()}, weights_sha256(model)


def _epoch_by_epoch(model: keras.Model, data: Any, epochs: int) -> Result:
    """Train on arrays by one call of `keras.Model.fit` an epoch, on the examples put in order by hand."""
    every = partial(_taken, slice(None))
    validation = tuple(map_arrays(every, part) for part in data.validation if part is not None) or None
    history: dict[str, list[float]] = {}
    with without(model.optimizer, "finalize_variable_values"):  # ends a training, and here each call is one
        for epoch in range(1, epochs + 1):
            order = epoch_order(SEED, epoch, data.examples)
            x, y, weight = map_arrays(partial(_taken, order), data.train)
            more = {"batch_size": BATCH, "validation_data": validation, "shuffle": False, "verbose": 0}
            for name, (value,) in model.fit(x, y, sample_weight=weight, **more).history.items():
                history.setdefault(name, []).append(float(value))
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return history, weights_sha256(model)


def _taken(rows: Any, array: np.ndarray) -> Any:
    """Return rows as Keras takes them: strings as a tensor."""
    return keras.ops.convert_to_tensor(array[rows]) if array.dtype.kind in "US" else np.array(array[rows])


def with_fit(example: Example, **settings: Any) -> tuple[FakeRun, Result]:
    """Train by one call of our `fit`."""
    run = FakeRun(example.epochs, seed=SEED, engine=example.engine, **settings)
    seed_everything(SEED)
    with policy(example.policy):
        model = example.build()
    fit(run, model, **example.arguments(), callbacks=example.callbacks(), batch_size=BATCH)
    first = next((row for row, epoch in enumerate(run.history["epoch"]) if epoch > 0), 0)
    names = [name for name in run.history if name not in ("epoch", "seconds")]
    return run, ({name: run.history[name][first:] for name in names}, run.facts.get("final_weights_sha256", ""))


def stopped_again_and_again(example: Example) -> Result:
    """Train by many calls of `fit`, each stopped after three more questions than the one before.

    So it is stopped inside epochs and between them, and a stream gets past what it has to pass over.
    """
    kept: list[bytes] = []
    for attempt in range(1, 40 * example.epochs):
        _, result = with_fit(example, checkpoints=kept, stop_after=3 * attempt, checkpoint_every_s=0.0)
        if result[1]:
            return result
    raise AssertionError(f"{example.name} never came to its end")


def same(one: Result, other: Result) -> bool:
    """Whether two results are equal to the bit, NaN being NaN."""
    columns = {name: np.array(column).tobytes() for name, column in one[0].items()}
    return one[1] == other[1] and columns == {name: np.array(column).tobytes() for name, column in other[0].items()}
