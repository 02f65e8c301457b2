"""The engine `fit`: plain `model.fit` and `model.evaluate`, fed our order of the examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpcsweep.data import Data
from hpcsweep.training.keras_program import KerasProgram
from hpcsweep.training.program import EVALUATION_BATCH, Columns, DeviceData


class FitProgram(KerasProgram, ABC):
    """The reference that the compiled engines equal, and the way for what they cannot do.

    A backend adds how Keras is given batches in an order that changes from epoch to epoch.
    """

    engine = "fit"
    longest_call_epochs = 64

    def __init__(self, model: Any, batch_size: int, callbacks: tuple[Any, ...] = ()) -> None:
        """Adopt `model`, which must be built and compiled; `callbacks` are given to every `model.fit`."""
        super().__init__(model, batch_size)
        self._callbacks = callbacks

    @abstractmethod
    def put(self, data: Data) -> DeviceData:
        """Make ready, in main memory, what Keras copies to the device batch by batch."""

    @abstractmethod
    def batches(self, follow: FollowOrders, part: tuple[Any, Any, Any], size: int) -> Any:
        """Return what `model.fit` takes: the batches of the present epoch, in the order that `follow` says."""

    def compile(self, data: DeviceData) -> None:
        """Do nothing: Keras traces its functions in the first epoch."""

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> Columns:
        """Train one epoch for each row of `orders`, each with validation at its end."""
        optimizer = self.model.optimizer
        optimizer.finalize_variable_values = lambda _: None  # ends a run, and one run is many calls of fit
        try:
            history = self._fit(data, orders)
        finally:
            del optimizer.finalize_variable_values
        return {name: [float(value) for value in values] for name, values in history.items()}

    def _fit(self, data: DeviceData, orders: NDArray[np.int32], *, validate: bool = True) -> dict[str, list[float]]:
        follow = FollowOrders(orders)
        history = self.model.fit(
            self.batches(follow, data.train, self._batch_size),
            epochs=len(orders),
            verbose=0,
            shuffle=False,
            validation_data=known(data.validation) if validate else None,
            validation_batch_size=self._batch_size,
            callbacks=[follow, *self._callbacks],
        )
        return dict(history.history)

    def try_batches(self, data: DeviceData, count: int) -> None:
        """Train the first `count` batches (at most an epoch), to be timed; the state is lost."""
        examples = min(count * self._batch_size, len(data.train[0]))
        self._fit(data, np.arange(examples, dtype=np.int32)[None], validate=False)

    def evaluate(self, data: DeviceData) -> Columns:
        """Return loss and metrics of the present state on both parts of the data."""
        columns: Columns = {}
        for prefix, (x, y, weight) in {"": data.train, "val_": data.validation}.items():
            values = self.model.evaluate(
                x, y, sample_weight=weight, batch_size=EVALUATION_BATCH, verbose=0, return_dict=True
            )
            columns.update({prefix + name: [float(value)] for name, value in values.items()})
        return columns

    def predict(self, data: DeviceData) -> NDArray[Any] | None:
        """Return the outputs for the validation inputs; None if the model has several."""
        outputs = self.model.predict(data.validation[0], batch_size=EVALUATION_BATCH, verbose=0)
        return outputs if isinstance(outputs, np.ndarray) else None


class FollowOrders(keras.callbacks.Callback):  # type: ignore[misc]
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


def known(part: tuple[Any, Any, Any]) -> tuple[Any, ...]:
    """Return inputs, truth and, if there are any, weights."""
    return tuple(array for array in part if array is not None)
