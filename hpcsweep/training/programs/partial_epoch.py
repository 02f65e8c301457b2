"""An epoch in parts: a long one is stopped, and kept in checkpoints, inside."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpcsweep.training.programs.protocol import DeviceData

CALL_S = 0.4  # how long one call should last, so that a request to stop is seen within a second
LONG_EPOCH_S = 2 * CALL_S  # epochs that take longer are cut into parts
_GROWTH = 8  # of a part over the one before it: the first batch ever may be slow, or stand for slower ones


class DivisibleProgram(Protocol):
    """What parts need of a program, of one net or of many."""

    divisible: bool
    call_weight: int
    epoch_batches: int
    epoch_s: float | None

    def advance_part(self, data: DeviceData, order: NDArray[np.int32], first: int, last: int) -> Mapping[str, Any]:
        """Train the batches `first` to `last` - 1 of one epoch, those of the validation after those of the training."""


def takes_parts(program: DivisibleProgram) -> bool:
    """Whether to train the next epoch in parts: if an epoch takes long, or nobody knows yet how long."""
    return program.divisible and (program.epoch_s is None or program.epoch_s > program.call_weight * LONG_EPOCH_S)


class Parts:
    """One epoch on its way: `batch` of its batches are done, those of the validation after those of the training."""

    def __init__(self, program: DivisibleProgram, data: DeviceData, order: NDArray[np.int32]) -> None:
        """Begin the epoch that visits the examples in `order`."""
        self._program, self._data, self._order = program, data, order
        self._part_batches = 1 if program.epoch_s is None else self._fitting(program.epoch_s / program.epoch_batches)
        self.batch = 0
        self.elapsed_s = 0.0
        self.columns: dict[str, Any] = {}

    @property
    def over(self) -> bool:
        """Whether the epoch is done."""
        return self.batch == self._program.epoch_batches

    def advance(self) -> None:
        """Train the next part."""
        count = min(self._part_batches, self._program.epoch_batches - self.batch)
        began = time.perf_counter()
        self.columns.update(self._program.advance_part(self._data, self._order, self.batch, self.batch + count))
        took_s = time.perf_counter() - began
        self.batch += count
        self.elapsed_s += took_s
        self._part_batches = min(_GROWTH * self._part_batches, self._fitting(took_s / count))

    def place(self) -> dict[str, Any]:
        """Return the place inside the epoch, and what was found out on the way there."""
        return {"batch": self.batch, "elapsed_s": self.elapsed_s, "columns": dict(self.columns)}

    def go_on(self, place: dict[str, Any]) -> None:
        """Go on from a `place`; the program's state is already that of the checkpoint."""
        self.batch, self.elapsed_s = int(place["batch"]), float(place["elapsed_s"])
        self.columns = dict(place["columns"])

    def _fitting(self, batch_s: float) -> int:
        return max(1, int(self._program.call_weight * CALL_S / batch_s))
