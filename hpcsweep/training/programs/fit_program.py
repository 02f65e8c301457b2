"""The engine `fit`: plain `model.fit` and `model.evaluate`, fed our order of the examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpcsweep.training.examples import TrainingData, map_arrays
from hpcsweep.training.programs.keras_program import KerasProgram
from hpcsweep.training.programs.protocol import Columns, DeviceData


class FitProgram(KerasProgram, ABC):
    """The reference that the compiled engines equal, and the way for what they cannot do.

    A backend adds how Keras is given batches in an order that changes from epoch to epoch.
    """

    engine = "fit"
    longest_call_epochs = 64
    call_weight = 4  # model.fit takes some 30 ms to begin

    def __init__(self, model: Any, batch_size: int, data: TrainingData, callbacks: tuple[Any, ...] = ()) -> None:
        """Adopt `model`, which must be built and compiled; `callbacks` are given to every `model.fit`."""
        super().__init__(model, batch_size, data)
        self._callbacks = callbacks
        # Callbacks would see an epoch begin and end with every part, and steps that are executed together be torn.
        self.divisible = not callbacks and model.steps_per_execution == 1

    @abstractmethod
    def put(self, data: TrainingData) -> DeviceData:
        """Make ready, in main memory, what Keras copies to the device batch by batch."""

    @abstractmethod
    def batches(self, follow: FollowOrders, part: tuple[Any, Any, Any], size: int) -> Any:
        """Return what `model.fit` takes: the batches of the present epoch, in the order that `follow` says."""

    def compile(self, data: DeviceData) -> None:
        """Do nothing: Keras traces its functions in the first epoch."""

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> Columns:
        """Train one epoch for each row of `orders`, each with validation at its end."""
        return self._fit(data, orders)

    def advance_part(self, data: DeviceData, order: NDArray[np.int32], first: int, last: int) -> Columns:
        """Train the batches `first` to `last` - 1 of one epoch, those of the validation after those of the training."""
        columns: Columns = {}
        (begin, end), validated = self._batches.spans(first, last)
        if begin < end:
            with self._going_on(begin):
                columns.update(self._fit(data, order[None, begin:end], validate=False))
        if validated[0] < validated[1]:
            with self._going_on(validated[0]):
                part = map_arrays(lambda array: array[slice(*validated)], data.validation)
                columns.update(self._evaluated(part, self._batch_size, "val_"))
        return columns

    def _going_on(self, begin: int) -> Any:
        """Return the context for a part of an epoch: one that does not begin it goes on with the metrics."""
        return without(self.model, "reset_metrics") if begin else nullcontext()

    def _fit(self, data: DeviceData, orders: NDArray[np.int32], *, validate: bool = True) -> Columns:
        follow = FollowOrders(orders)
        with without(self.model.optimizer, "finalize_variable_values"):  # ends a run, and one run is many calls of fit
            history = self.model.fit(
                self.batches(follow, data.train, self._batch_size),
                epochs=len(orders),
                verbose=0,
                shuffle=False,
                validation_data=known(data.validation) if validate and data.validates else None,
                validation_batch_size=self._batch_size,
                callbacks=[follow, *self._callbacks],
            )
        return {name: [float(value) for value in values] for name, values in history.history.items()}

    def try_batches(self, data: DeviceData, count: int) -> None:
        """Train the first `count` batches (at most an epoch), to be timed; the state is lost."""
        examples = min(count * self._batch_size, self._batches.examples)
        self._fit(data, np.arange(examples, dtype=np.int32)[None], validate=False)

    def evaluate(self, data: DeviceData) -> Columns:
        """Return loss and metrics of the present state on both parts of the data."""
        size = self.evaluation_batch
        validated = self._evaluated(data.validation, size, "val_") if data.validates else {}
        return {**self._evaluated(data.train, size, ""), **validated}

    def _evaluated(self, part: tuple[Any, Any, Any], batch_size: int, prefix: str) -> Columns:
        x, y, weight = part
        values = self.model.evaluate(x, y, sample_weight=weight, batch_size=batch_size, verbose=0, return_dict=True)
        return {prefix + name: [float(value)] for name, value in values.items()}

    def predict(self, data: DeviceData) -> NDArray[Any] | None:
        """Return the outputs for the validation inputs; None if the model has several."""
        outputs = self.model.predict(data.validation[0], batch_size=self.evaluation_batch, verbose=0)
        return outputs if isinstance(outputs, np.ndarray) else None


class FollowOrders(keras.callbacks.Callback):
    """Knows which order of the examples the epoch that Keras trains has."""

    def __init__(self, orders: NDArray[np.int32]) -> None:
        super().__init__()
        self._orders = orders
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    @property
    def examples(self) -> int:
        """How many there are."""
        return int(self._orders.shape[1])

    @property
    def order(self) -> NDArray[np.int32]:
        """The order of the present epoch."""
        order: NDArray[np.int32] = self._orders[self._epoch]
        return order


@contextmanager
def without(owner: Any, method: str) -> Iterator[None]:
    """Make a method of `owner` do nothing for a while."""
    setattr(owner, method, lambda *_: None)
    try:
        yield
    finally:
        delattr(owner, method)


def known(part: tuple[Any, Any, Any]) -> tuple[Any, ...]:
    """Return inputs and, if there are any, truth and weights."""
    return tuple(tree for tree in part if tree is not None)
