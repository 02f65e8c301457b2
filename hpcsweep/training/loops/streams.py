"""Data that come in batches: what `model.fit` is given, and how a run that goes on comes to where it was."""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hpcsweep.errors import UsageError
from hpcsweep.training.examples import Examples, first_rows, map_arrays, packed
from hpcsweep.training.keras_private import OF_DATASETS
from hpcsweep.training.state.attributes import give_attributes, keep_attributes
from hpcsweep.training.state.order import epoch_order

_OF_BATCHES = ("tensorflow", "torch", "grain")
"""The libraries whose data sets Keras takes."""


@dataclass(frozen=True)
class Steps:
    """Keras's arguments that say how many batches an epoch and a validation have."""

    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None

    def __bool__(self) -> bool:
        """Whether one of them is not as Keras has it by itself."""
        return self != Steps()


@dataclass
class Stream:
    """What one true `model.fit` is trained on.

    `resumes`: how a run that goes on comes to its place: "to the bit", or "statistically" where it only sees what
    comes. `make(epoch)` gives the data as they are after so many epochs; where `passes_over`, they can only be given
    from the start, and what was seen has to be passed over. `keeper` is the object of the user's whose attributes are a
    part of checkpoints.
    """

    first_batch: Any
    make: Callable[[int], Any]
    arguments: dict[str, Any]
    resumes: str = "to the bit, from the end of an epoch"
    passes_over: bool = False
    keeper: Any = None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold of the data."""
        return (
            {} if self.keeper is None else keep_attributes(self.keeper, type(self.keeper).__name__, leave=OF_DATASETS)
        )

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned."""
        if self.keeper is not None:
            give_attributes(self.keeper, state)


def stream_of(
    x: Any, *, seed: int, shuffle: bool, batch_size: int, steps: Steps, validation_data: Any, class_weight: Any
) -> Stream:
    """Return the stream that Keras would make of its arguments; UsageError names what it is if it would make none."""
    arguments: dict[str, Any] = {
        "steps_per_epoch": steps.steps_per_epoch,
        "validation_data": validation_data,
        "validation_steps": steps.validation_steps,
        "validation_batch_size": steps.validation_batch_size or batch_size,
        "class_weight": class_weight,
    }
    if isinstance(x, Examples):
        return _of_arrays(x, seed, batch_size, arguments, shuffle=shuffle)
    if isinstance(x, keras.utils.PyDataset):
        with _generators_left_alone():
            first = x[0]
        told = Stream.resumes if x.workers <= 1 else "statistically: its workers draw in any order"
        return Stream(first, lambda _: x, {**arguments, "shuffle": shuffle}, told, keeper=x)
    if isinstance(x, types.GeneratorType):
        return _of_generator(x, steps, arguments)
    if not any(base.__module__.partition(".")[0] in _OF_BATCHES for base in type(x).__mro__) or not hasattr(
        x, "__iter__"
    ):
        raise UsageError(
            f"fit: x is a {type(x).__name__}; expected arrays (or a dict, list or tuple of them), a Data, a "
            "tf.data.Dataset, a keras.utils.PyDataset, a generator or a torch DataLoader"
        )

    with _generators_left_alone():
        first = _first_of(x)
    return Stream(first, lambda _: x, {**arguments, "shuffle": False}, passes_over=True)


def _of_arrays(data: Examples, seed: int, batch_size: int, arguments: dict[str, Any], *, shuffle: bool) -> Stream:
    if data.y is None:
        raise UsageError("fit: x alone and arguments about steps are given; expected y as well, or a tf.data.Dataset")
    validation = arguments["validation_data"]
    if validation is None and data.x_val is not None:
        validation = tuple(part for part in data.validation if part is not None)
    steps = arguments["steps_per_epoch"] or -(-data.examples // batch_size)
    arguments = {**arguments, "steps_per_epoch": steps, "validation_data": validation, "shuffle": False}
    arguments["class_weight"] = None  # is in the weights of the examples already
    return Stream(
        packed(*first_rows(data, batch_size)),
        lambda passed: OrderedBatches(data, seed, batch_size, passed * steps, shuffle=shuffle),
        arguments,
    )


def _of_generator(x: Any, steps: Steps, arguments: dict[str, Any]) -> Stream:
    first = next(x, None)
    if first is None:
        raise UsageError("fit: x is a generator that gives nothing; expected batches")

    def whole() -> Iterator[Any]:
        yield first
        yield from x

    if steps.steps_per_epoch is None:
        raise UsageError("fit: x is a generator; expected steps_per_epoch, as in Keras, to know where an epoch ends")
    batches = whole()
    return Stream(first, lambda _: batches, {**arguments, "shuffle": False}, passes_over=True)


def _first_of(x: Any) -> Any:
    """Return a first batch; of a tf.data.Dataset only its types and shapes, since to look would draw from it."""
    spec = getattr(x, "element_spec", None)
    if spec is None:
        return next(iter(x))
    return keras.tree.map_structure(lambda one: keras.KerasTensor([d or 1 for d in one.shape], one.dtype.name), spec)


class _generators_left_alone:  # noqa: N801 - reads as a word
    """Put the global random generators back to what they were."""

    def __enter__(self) -> None:
        torch = sys.modules.get("torch")
        self._states = (random.getstate(), np.random.get_state(), torch and torch.get_rng_state())

    def __exit__(self, *_: object) -> None:
        python, numpy, of_torch = self._states
        random.setstate(python)
        np.random.set_state(numpy)
        if of_torch is not None:
            sys.modules["torch"].set_rng_state(of_torch)


class OrderedBatches(keras.utils.PyDataset):
    """Batches of arrays without end, pass after pass, each pass in the order that the seed and its number say."""

    def __init__(self, data: Examples, seed: int, batch_size: int, passed: int, *, shuffle: bool) -> None:
        """Begin after `passed` batches."""
        super().__init__()
        self._data, self._seed, self._size, self._passed, self._shuffle = data, seed, batch_size, passed, shuffle
        self._batches = -(-data.examples // batch_size)
        self._order: tuple[int, Any] = (-1, None)

    @property
    def num_batches(self) -> None:
        """No number: they have no end."""
        return

    def __getitem__(self, index: int) -> Any:
        number, batch = divmod(self._passed + index, self._batches)
        if self._order[0] != number:
            examples = self._data.examples
            whole = epoch_order(self._seed, number + 1, examples) if self._shuffle else np.arange(examples)
            self._order = (number, whole)
        rows = self._order[1][batch * self._size : (batch + 1) * self._size]
        return packed(*map_arrays(lambda array: array[rows], self._data.train))
