"""Stacked programs: what is the same on every backend."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.programs.calls import EpochBatches, EpochCalls
from hpcsweep.training.programs.protocol import DeviceData

_MOST_EPOCHS_A_CALL, _ORDER_NUMBERS = 16, 2**20  # of all members together


class StackedCalls(EpochCalls[NDArray[np.float64]]):
    """Trains `members` nets by calls of one trace, with one order of the examples for all or one for each."""

    divisible = True
    call_weight = 1
    faster = False

    def __init__(
        self, data: TrainingData, batch_size: int, validation_batch_size: int, *, members: int, shared_order: bool
    ) -> None:
        """Begin a program for data of this size."""
        self.members, self.shared_order = members, shared_order
        self.compile_s = 0.0
        self.epoch_s: float | None = None
        self._order_shape = (1 if shared_order else members, data.examples)
        self.longest_call_epochs = max(1, min(_MOST_EPOCHS_A_CALL, _ORDER_NUMBERS // int(np.prod(self._order_shape))))
        self._batches = EpochBatches(batch_size, data.examples, data.validated, validation_batch_size)
        self.epoch_batches = self._batches.count

    def column(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return one metric as it is, [epochs, members]."""
        return values

    def compile(self, data: DeviceData) -> None:
        """Trace and compile by running no epoch."""
        began = time.perf_counter()
        self.advance(data, self.no_orders())
        self.compile_s = time.perf_counter() - began
