"""A program: a compiled way to advance the state of one architecture by whole epochs.

This is the seam between the training loop and Keras's backends: `fit` knows only the Protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpcsweep.errors import UsageError
from hpcsweep.training.examples import TrainingData
from hpcsweep.training.state.variables import State


class NotCompilableError(UsageError):
    """This model cannot be trained by whole epochs in one function; plain `model.fit` can."""


def require_metrics(logs: Any, names: list[str]) -> None:
    """Raise NotCompilableError if a step returns other `logs` than the metrics; Keras reports the last batch's then."""
    if set(logs) != set(names):
        raise NotCompilableError(f"its steps return {sorted(logs)}, not its metrics {sorted(names)}")


Columns = dict[str, list[float]]
"""Metrics by name, one number per epoch."""
MemberColumns = dict[str, NDArray[np.float64]]
"""Metrics by name, [epochs, members]."""


@dataclass(frozen=True)
class DeviceData:
    """The arrays of a data set on the device: (x, y, weights), trees or None, to train and to validate on."""

    train: tuple[Any, Any, Any]
    validation: tuple[Any, Any, Any]

    @property
    def validates(self) -> bool:
        """Whether there are data to validate on."""
        return self.validation[0] is not None


class Program(Protocol):
    """One architecture, optimizer, batch size and shape of data, traced once and used by many runs."""

    model: Any
    engine: str
    longest_call_epochs: int
    epoch_batches: int
    """The batches of an epoch, those of the validation included."""
    divisible: bool
    """Whether an epoch can be trained in parts, so that a long one can be stopped, and kept, inside."""
    call_weight: int
    """How much longer a part should last than with other programs, because a call takes longer to begin."""
    evaluation_batch: int
    """How many examples are evaluated at once."""
    faster: bool
    """Whether it computes the same bits in less time by ways of its own, which a sweep file can switch off."""
    compile_s: float
    epoch_s: float | None

    def put(self, data: TrainingData) -> DeviceData:
        """Place data on the device; the same object is placed once."""

    def load(self, state: State) -> None:
        """Start from `state`."""

    def read(self) -> State:
        """Return the state reached."""

    def read_within(self) -> State:
        """Return the state reached inside an epoch: also what the metrics have gathered."""

    def compile(self, data: DeviceData) -> None:
        """Trace and compile, so that the next call's time is training; the state is lost."""

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> Columns:
        """Train one epoch for each row of `orders`, each with validation at its end."""

    def advance_part(self, data: DeviceData, order: NDArray[np.int32], first: int, last: int) -> Columns:
        """Train the batches `first` to `last` - 1 of one epoch, those of the validation after those of the training.

        The columns are those of what was done, complete where the part ends the training, or the validation.
        """

    def try_batches(self, data: DeviceData, count: int) -> None:
        """Train the first `count` batches (at most an epoch), to be timed; the state is lost."""

    def evaluate(self, data: DeviceData) -> Columns:
        """Return the loss and metrics of the present state on both parts of the data, one number each."""

    def finish(self) -> None:
        """Do what the optimizer does once at the end of training (averaged weights take their place)."""

    def predict(self, data: DeviceData) -> NDArray[Any] | None:
        """Return the model's outputs for the validation inputs: one array, or None for models with many."""


class StackedProgram(Protocol):
    """The same for several members at once: one state and one column of every table for each."""

    longest_call_epochs: int
    epoch_batches: int
    divisible: bool
    call_weight: int
    faster: bool
    compile_s: float
    epoch_s: float | None

    def put(self, data: TrainingData) -> DeviceData:
        """Place data on the device; the same object is placed once."""

    def load(self, states: list[State]) -> None:
        """Start from one state a member; all must have come equally far."""

    def read(self) -> list[State]:
        """Return the state that each member has reached."""

    def read_within(self) -> list[State]:
        """Return the state that each has reached inside an epoch: also what the metrics have gathered."""

    def compile(self, data: DeviceData) -> None:
        """Trace and compile, so that the next call's time is training; no state changes."""

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> MemberColumns:
        """Train one epoch for each of `orders`, [epochs, members or 1, examples], with validation at its end."""

    def advance_part(self, data: DeviceData, order: NDArray[np.int32], first: int, last: int) -> MemberColumns:
        """Train the batches `first` to `last` - 1 of one epoch, in `order`, [members or 1, examples]."""

    def evaluate(self, data: DeviceData) -> MemberColumns:
        """Return loss and metrics of every member's present state on both parts of the data, [1, members]."""
