"""The engine `fit`: plain `model.fit` and `model.evaluate`, fed our order of the examples."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpcsweep.data import Data
from hpcsweep.training.on_tensorflow.program import OnDevice, put_on_device
from hpcsweep.training.program import EVALUATION_BATCH, Columns, DeviceData
from hpcsweep.training.state import State, load_state, read_state

_on_host: OnDevice = weakref.WeakKeyDictionary()


class FitProgram:
    """The reference that the compiled engines equal, and the way for what they cannot do."""

    engine = "fit"
    longest_call_epochs = 64
    compile_s = 0.0

    def __init__(self, model: Any, batch_size: int, callbacks: tuple[Any, ...] = ()) -> None:
        """Adopt `model`, which must be built and compiled; `callbacks` are given to every `model.fit`."""
        self.model = model
        self._batch_size = batch_size
        self._callbacks = callbacks
        self.epoch_s: float | None = None

    def put(self, data: Data) -> DeviceData:
        """Make tensors of the data in main memory; Keras copies batches to the device as it needs them."""
        with tf.device("CPU"):
            return put_on_device(data, _on_host)

    def load(self, state: State) -> None:
        """Start from `state`."""
        load_state(self.model, state)

    def read(self) -> State:
        """Return the state reached."""
        return read_state(self.model)

    def compile(self, data: DeviceData) -> None:
        """Nothing: Keras traces its functions in the first epoch."""

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
        follow = _FollowOrders(orders)
        history = self.model.fit(
            follow.batches(data.train, self._batch_size),
            epochs=len(orders),
            verbose=0,
            shuffle=False,
            validation_data=_known(data.validation) if validate else None,
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

    def finish(self) -> None:
        """Do what Keras does at the end of `fit`."""
        self.model.optimizer.finalize_variable_values(self.model.trainable_weights)

    def predict(self, data: DeviceData) -> NDArray[Any] | None:
        """Return the outputs for the validation inputs; None if the model has several."""
        outputs = self.model.predict(data.validation[0], batch_size=EVALUATION_BATCH, verbose=0)
        return outputs if isinstance(outputs, np.ndarray) else None


class _FollowOrders(keras.callbacks.Callback):  # type: ignore[misc]
    """A tf.data set that follows another order in every epoch."""

    def __init__(self, orders: NDArray[np.int32]) -> None:
        super().__init__()
        self._orders = orders
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def batches(self, part: tuple[Any, Any, Any], size: int) -> Any:
        tensors, examples = _known(part), self._orders.shape[1]
        spec = tf.TensorSpec((examples,), tf.int32)
        order = tf.data.Dataset.from_generator(self._order, output_signature=spec)
        chosen = order.flat_map(lambda whole: tf.data.Dataset.from_tensor_slices(whole).batch(size))
        batches = chosen.map(lambda rows: tuple(tf.gather(tensor, rows) for tensor in tensors)).prefetch(1)
        return batches.apply(tf.data.experimental.assert_cardinality(-(-examples // size)))

    def _order(self) -> Iterator[NDArray[np.int32]]:
        yield self._orders[self._epoch]


def _known(part: tuple[Any, Any, Any]) -> tuple[Any, ...]:
    return tuple(array for array in part if array is not None)
