"""Calls of a compiled program: which batches, and how many epochs, one has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hpcsweep.machine import zip_equal
from hpcsweep.training.programs.protocol import DeviceData

Column = TypeVar("Column")
_ORDER_NUMBERS = 2**18  # at most so many indices of examples are sent to the device in one call, at least an epoch's
_MOST_EPOCHS_A_CALL = 64


Span = tuple[int, int]
"""The examples from one number on, and before another."""


@dataclass(frozen=True)
class EpochBatches:
    """The batches of an epoch: those of the training, of one size, then those of the validation, of another."""

    size: int
    examples: int
    validated: int
    validated_size: int

    @property
    def to_train(self) -> int:
        """How many are trained on."""
        return -(-self.examples // self.size)

    @property
    def trained_sizes(self) -> tuple[int, ...]:
        """The sizes that the batches trained on have: full ones, and the last one if it is smaller."""
        full = (self.size,) if self.examples >= self.size else ()
        return (*full, left) if (left := self.examples % self.size) else full

    @property
    def count(self) -> int:
        """How many there are in all."""
        return self.to_train - (-self.validated // self.validated_size)

    def spans(self, first: int, last: int) -> tuple[Span, Span]:
        """Return where the batches `first` to `last` - 1 begin and end in the training and in the validation data."""
        trained, size, validated_size = self.to_train, self.size, self.validated_size
        train = min(first * size, self.examples), min(last * size, self.examples)
        if last <= trained:
            return train, (self.validated, self.validated)
        return train, (
            max(first - trained, 0) * validated_size,
            min((last - trained) * validated_size, self.validated),
        )


class EpochCalls(ABC, Generic[Column]):
    """Trains whole epochs, or some batches of one, by calls of one trace; a backend adds that function."""

    longest_call_epochs: int
    _batches: EpochBatches
    _order_shape: tuple[int, ...]
    """Of an epoch's order of the examples."""
    _names: list[str]
    """Of the loss and the metrics."""
    _sent: tuple[Any, Any] = (None, None)

    @abstractmethod
    def call(self, data: DeviceData, orders: Any, count: int, first: int, last: int) -> NDArray[Any]:
        """Train the batches `first` to `last` - 1 of `count` epochs; return the metrics, [rows, 2 * names, ...].

        `orders`: as many rows as the longest call has, on the device, of which the first `count` count. Beginning with
        the first batch of a part of the data resets the metrics.
        """

    @abstractmethod
    def send(self, orders: NDArray[np.int32]) -> Any:
        """Copy orders of the examples to the device."""

    @abstractmethod
    def column(self, values: NDArray[Any]) -> Column:
        """Return one metric, [epochs, ...], as it is given away."""

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> dict[str, Column]:
        """Train one epoch for each row of `orders`; the rows of one call are of one fixed number, so pad them."""
        table = self.call(data, self._padded(orders), len(orders), 0, self._batches.count)
        return self._columns(table[: len(orders)])

    def advance_part(self, data: DeviceData, order: NDArray[np.int32], first: int, last: int) -> dict[str, Column]:
        """Train the batches `first` to `last` - 1 of one epoch, those of the validation after those of the training.

        The columns are those of what was done, complete where the part ends the training, or the validation. It is
        another call of the same trace as `advance`, and so has the same bits.
        """
        if self._sent[0] is not order:
            self._sent = (order, self._padded(order[None]))
        table = self.call(data, self._sent[1], 1, first, last)
        if last == self._batches.count:
            self._sent = (None, None)
        trained = self._batches.to_train
        done = [first < trained] * len(self._names) + [last > trained] * len(self._names) * self.validates
        columns = self._columns(table[:1]).items()
        return {name: column for (name, column), is_done in zip_equal(columns, done) if is_done}

    @property
    def validates(self) -> bool:
        """Whether there are data to validate on."""
        return self._batches.validated > 0

    def no_orders(self) -> NDArray[np.int32]:
        """Return the orders of no epoch: to advance by them compiles, and trains nothing."""
        return np.empty((0, *self._order_shape), dtype=np.int32)

    def _padded(self, orders: NDArray[np.int32]) -> Any:
        padded = np.zeros((self.longest_call_epochs, *self._order_shape), dtype=np.int32)
        padded[: len(orders)] = orders
        return self.send(padded)

    def _columns(self, table: NDArray[Any]) -> dict[str, Column]:
        names = [*self._names, *(f"val_{name}" for name in self._names if self.validates)]
        return {name: self.column(table[:, index].astype(float)) for index, name in enumerate(names)}


def epochs_a_call(examples: int) -> int:
    """Return the most epochs over so many examples that one call trains."""
    return max(1, min(_MOST_EPOCHS_A_CALL, _ORDER_NUMBERS // examples))
