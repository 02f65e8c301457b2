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
from hpcsweep.training.examples import Examples, first_rows, is_array_tree, is_stream, packed
from hpcsweep.training.keras_private import OF_DATASETS
from hpcsweep.training.loops.ordered_batches import OrderedBatches
from hpcsweep.training.state.attributes import NotKeptError, changes_since, give_attributes, keep_attributes


@dataclass(frozen=True)
class Steps:
    """Keras's arguments that say how many batches an epoch and a validation have, and which epochs are validated."""

    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: Any = 1

    def __bool__(self) -> bool:
        """Whether one of them is not as Keras has it by itself."""
        return self != Steps()


class Dataset:
    """A PyDataset of the user's, whose attributes are a part of checkpoints."""

    def __init__(self, data: Any) -> None:
        """Note what it holds before anything is taken from it."""
        self._data, self._path = data, type(data).__name__
        self._fresh: dict[str, Any] | None = None
        try:
            self._fresh = self._keep()
        except NotKeptError as error:
            self._refusal = error

    def first_batch(self) -> Any:
        """Return its first batch, and leave it, and the global random generators, as they were."""
        with _generators_left_alone():
            batch = self._data[0]
        if self._fresh is not None:
            give_attributes(self._data, self._fresh)
        return batch

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold of it; NotKeptError names what cannot be kept."""
        if self._fresh is None:
            raise self._refusal
        return changes_since(self._fresh, self._keep(), self._path)

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned."""
        give_attributes(self._data, state)

    def _keep(self) -> dict[str, Any]:
        return keep_attributes(self._data, self._path, leave=OF_DATASETS)


@dataclass
class Stream:
    """What one true `model.fit` is trained on.

    `resumes`: how a run that goes on comes to its place: "to the bit", or "statistically" where it only sees what
    comes. `make(epoch)` gives the data as they are after so many epochs; where `passes_over`, what was seen has to be
    passed over from the start.
    """

    first_batch: Any
    make: Callable[[int], Any]
    arguments: dict[str, Any]
    passes_over: bool
    trained: Dataset | None = None
    validated: Dataset | None = None
    resumes: str = "to the bit, from the end of an epoch"
    why: str = "the data come in batches"

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold of the data."""
        pairs = (("trained", self.trained), ("validated", self.validated))
        return {name: dataset.state() for name, dataset in pairs if dataset is not None}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned of the data to train on."""
        if self.trained is not None:
            self.trained.go_on(state["trained"])

    def go_on_validating(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned of the data to validate on, of which Keras looks at a batch beforehand."""
        if self.validated is not None:
            self.validated.go_on(state["validated"])


def stream_of(
    x: Any, *, seed: int, shuffle: bool, batch_size: int, steps: Steps, validation_data: Any, class_weight: Any
) -> Stream:
    """Return the stream that Keras would make of its arguments; UsageError names what it is if it would make none."""
    arguments: dict[str, Any] = {
        "steps_per_epoch": steps.steps_per_epoch,
        "validation_data": validation_data,
        "validation_steps": steps.validation_steps,
        "validation_batch_size": steps.validation_batch_size or batch_size,
        "validation_freq": steps.validation_freq,
        "class_weight": class_weight,
        "shuffle": shuffle and isinstance(x, keras.utils.PyDataset),
    }
    validated = Dataset(validation_data) if isinstance(validation_data, keras.utils.PyDataset) else None
    # A validation goes on where the one before it ended, if it does not see all; and what is shuffled stays shuffled.
    passes_over = is_stream(validation_data) and (validated is None or steps.validation_steps is not None)
    if isinstance(x, Examples):
        make, first, arguments = _of_arrays(x, seed, batch_size, arguments, shuffle=shuffle)
        why = "steps, validation_freq or a stream to validate on are given"
        return Stream(first, make, arguments, passes_over, None, validated, why=why)
    if isinstance(x, keras.utils.PyDataset):
        told = Stream.resumes if x.workers <= 1 else "statistically: its workers draw in any order"
        trained = Dataset(x)
        passes_over = passes_over or steps.steps_per_epoch is not None  # an epoch begins where the one before it ended
        return Stream(trained.first_batch(), lambda _: x, arguments, passes_over, trained, validated, told)
    if isinstance(x, types.GeneratorType):
        first, batches = _of_generator(x, steps)
        return Stream(first, lambda _: batches, arguments, True, None, validated)
    if not is_stream(x):
        raise UsageError(
            f"fit: x is a {type(x).__name__}; expected arrays (or a dict, list or tuple of them), a Data, a "
            "tf.data.Dataset, a keras.utils.PyDataset, a generator or a torch DataLoader"
        )
    with _generators_left_alone():
        first = _first_of(x)
    return Stream(first, lambda _: x, arguments, True, None, validated)


def _of_arrays(
    data: Examples, seed: int, batch_size: int, arguments: dict[str, Any], *, shuffle: bool
) -> tuple[Callable[[int], Any], Any, dict[str, Any]]:
    if data.y is None:
        raise UsageError(
            "fit: x alone is given, with arguments about steps or validation_freq; expected y as well, or a "
            "tf.data.Dataset"
        )
    validation = arguments["validation_data"]
    if (validation is None or is_array_tree(validation)) and data.x_val is not None:
        validation = tuple(part for part in data.validation if part is not None)
    steps = arguments["steps_per_epoch"] or -(-data.examples // batch_size)
    arguments = {**arguments, "steps_per_epoch": steps, "validation_data": validation, "shuffle": False}
    arguments["class_weight"] = None  # is in the weights of the examples already
    return (
        lambda passed: OrderedBatches(data, seed, batch_size, passed * steps, shuffle=shuffle),
        packed(*first_rows(data, batch_size)),
        arguments,
    )


def _of_generator(x: Any, steps: Steps) -> tuple[Any, Iterator[Any]]:
    first = next(x, None)
    if first is None:
        raise UsageError("fit: x is a generator that gives nothing; expected batches")
    if steps.steps_per_epoch is None:
        raise UsageError("fit: x is a generator; expected steps_per_epoch, as in Keras, to know where an epoch ends")

    def whole() -> Iterator[Any]:
        yield first
        yield from x

    return first, whole()


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
