"""Programs that compile whole epochs into one function: what is the same on every backend."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.programs.calls import EpochCalls, epochs_a_call
from hpcsweep.training.programs.keras_program import KerasProgram
from hpcsweep.training.programs.protocol import DeviceData, NotCompilableError

_WHERE = ("Graph execution error", "Detected at node", "<stack traces", "[[")  # begin what TensorFlow says of the place


class EpochProgram(KerasProgram, EpochCalls[list[float]]):
    """Owns a model and trains it by calls of one trace."""

    engine: str
    refusals: ClassVar[tuple[type[Exception], ...]]
    """What tracing raises where the user's own step cannot be traced; `auto` then trains with `fit`, and says so."""

    def __init__(self, model: Any, batch_size: int, data: TrainingData) -> None:
        """Adopt `model`, which must be built and compiled, for data of this size."""
        super().__init__(model, batch_size, data)
        self.longest_call_epochs = epochs_a_call(data.examples)
        self._examples = data.examples
        self._order_shape = (self._examples,)
        self._names = list(model.get_metrics_result())

    def column(self, values: NDArray[Any]) -> list[float]:
        """Return one number per epoch."""
        numbers: list[float] = values.tolist()
        return numbers

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
        self.advance(data, self.no_orders())

    def try_batches(self, data: DeviceData, count: int) -> None:
        """Train the first `count` batches (at most an epoch), to be timed; the state is lost."""
        self.call(data, self._padded(np.zeros((1, self._examples), dtype=np.int32)), 1, 0, count)


def _telling_line(error: Exception) -> str:
    """Return the first line of a message that says what happened, and not where."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line and not line.startswith(_WHERE)), type(error).__name__)
