"""Programs that compile whole epochs into one function: what is the same on every backend."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hpcsweep.data import Data
from hpcsweep.training.calls import epochs_a_call
from hpcsweep.training.keras_program import KerasProgram
from hpcsweep.training.program import Columns, DeviceData, NotCompilableError

_WHERE = ("Graph execution error", "Detected at node", "<stack traces", "[[")  # begin what TensorFlow says of the place


class EpochProgram(KerasProgram, ABC):
    """Trains whole epochs, or some batches of one, by calls of one trace; a backend adds that function."""

    engine: str
    refusals: ClassVar[tuple[type[Exception], ...]]
    """What tracing raises where the user's own step cannot be traced: NotImplementedError is TensorFlow's word for a
    symbolic tensor that NumPy was given, and JAX's for an operation without a gradient."""

    def __init__(self, model: Any, batch_size: int, data: Data) -> None:
        """Adopt `model`, which must be built and compiled, for data of this size."""
        super().__init__(model, batch_size, data)
        self.longest_call_epochs = epochs_a_call(len(data.x))
        self._examples = len(data.x)
        self._names = list(model.get_metrics_result())
        self._sent: tuple[Any, Any] = (None, None)

    @abstractmethod
    def call(self, data: DeviceData, orders: Any, count: int, first: int, last: int) -> NDArray[Any]:
        """Train the batches `first` to `last` - 1 of `count` epochs; return the metrics, [rows, 2 * names].

        `orders`: [rows, examples] on the device, where only the first `count` rows count. Beginning with the first
        batch of a part of the data resets the metrics.
        """

    @abstractmethod
    def send(self, orders: NDArray[np.int32]) -> Any:
        """Copy orders of the examples to the device."""

    def compile(self, data: DeviceData) -> None:
        """Trace and compile; the state is lost.

        NotCompilableError says what stands in the way: `auto` then trains with `fit`, and an engine that was asked for
        is refused in words.
        """
        began = time.perf_counter()
        try:
            self.warm_up(data)
        except self.refusals as error:
            raise NotCompilableError(f"engine {self.engine}: {_telling_line(error)}") from error
        self.compile_s = time.perf_counter() - began

    def warm_up(self, data: DeviceData) -> None:
        """Make the backend compile all that an epoch needs: here by running none."""
        self.advance(data, np.empty((0, self._examples), dtype=np.int32))

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> Columns:
        """Train one epoch for each row of `orders`; the rows of one call are of one fixed number, so pad them."""
        table = self.call(data, self._padded(orders), len(orders), 0, self.epoch_batches)
        return self._columns(table[: len(orders)])

    def advance_part(self, data: DeviceData, order: NDArray[np.int32], first: int, last: int) -> Columns:
        """Train the batches `first` to `last` - 1 of one epoch, those of the validation after those of the training.

        The columns are those of what was done, complete where the part ends the training, or the validation. It is
        another call of the same trace as `advance`, and so has the same bits.
        """
        if self._sent[0] is not order:
            self._sent = (order, self._padded(order[None]))
        table = self.call(data, self._sent[1], 1, first, last)
        if last == self.epoch_batches:
            self._sent = (None, None)
        trained = self._batches.to_train
        done = [first < trained] * len(self._names) + [last > trained] * len(self._names)
        columns = self._columns(table[:1]).items()
        return {name: column for (name, column), is_done in zip(columns, done, strict=True) if is_done}

    def try_batches(self, data: DeviceData, count: int) -> None:
        """Train the first `count` batches (at most an epoch), to be timed; the state is lost."""
        self.call(data, self._padded(np.zeros((1, self._examples), dtype=np.int32)), 1, 0, count)

    def _padded(self, orders: NDArray[np.int32]) -> Any:
        padded = np.zeros((self.longest_call_epochs, self._examples), dtype=np.int32)
        padded[: len(orders)] = orders
        return self.send(padded)

    def _columns(self, table: NDArray[Any]) -> Columns:
        names = [*self._names, *(f"val_{name}" for name in self._names)]
        return dict(zip(names, table.T.astype(float).tolist(), strict=True))


def _telling_line(error: Exception) -> str:
    """Return the first line of a message that says what happened, and not where."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line and not line.startswith(_WHERE)), type(error).__name__)
