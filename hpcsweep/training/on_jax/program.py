"""Whole epochs inside one function under `jax.jit`, around the model's own Keras `train_step` and `test_step`."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from hpcsweep.data import Data
from hpcsweep.training.calls import EpochBatches, epochs_a_call
from hpcsweep.training.on_jax.epochs import PureModel
from hpcsweep.training.placing import Placed, place_once
from hpcsweep.training.program import EVALUATION_BATCH, Columns, DeviceData, NotCompilableError
from hpcsweep.training.state import State, load_state, read_metrics, read_state

_on_device = Placed()


def place(data: Data) -> DeviceData:
    """Copy data to the default device; the same object is copied once."""
    return place_once(data, _on_device, jnp.asarray)


class JaxProgram:
    """The engine `compiled`."""

    engine = "compiled"

    def __init__(self, model: Any, batch_size: int, data: Data) -> None:
        """Adopt `model`, which must be built and compiled; its variables become the program's."""
        self.model = model
        self.longest_call_epochs = epochs_a_call(len(data.x))
        self.compile_s = 0.0
        self.epoch_s: float | None = None
        self._batches = EpochBatches(batch_size, len(data.x), len(data.x_val))
        self.epoch_batches = self._batches.count
        self._examples = len(data.x)
        self._sent: tuple[Any, Any] = (None, None)
        self._pure = PureModel(model, batch_size)
        self._names = list(model.get_metrics_result())
        self._advance = jax.jit(self._pure.epochs, donate_argnums=0)
        self._evaluate = jax.jit(self._pure.evaluation)
        self._predict = jax.jit(self._pure.outputs)

    def put(self, data: Data) -> DeviceData:
        """Place data on the device; the same object is placed once."""
        return place(data)

    def load(self, state: State) -> None:
        """Start from `state`."""
        load_state(self.model, state)

    def read(self) -> State:
        """Return the state reached."""
        return read_state(self.model)

    def compile(self, data: DeviceData) -> None:
        """Trace and compile by running no epoch."""
        began = time.perf_counter()
        try:
            self.advance(data, np.empty((0, self._examples), dtype=np.int32))
        except (TypeError, ValueError, NotImplementedError, jax.errors.JAXTypeError) as error:
            words = str(error).strip() or type(error).__name__
            raise NotCompilableError(f"engine {self.engine}: {words.splitlines()[0]}") from error
        self.compile_s = time.perf_counter() - began

    def advance(self, data: DeviceData, orders: NDArray[np.int32]) -> Columns:
        """Train one epoch for each row of `orders`; the rows of one call are of one fixed number, so pad them."""
        table = self._call(data, self._send(orders), len(orders), 0, self.epoch_batches)
        return self._columns(table[: len(orders)])

    def advance_part(self, data: DeviceData, order: NDArray[np.int32], first: int, last: int) -> Columns:
        """Train the batches `first` to `last` - 1 of one epoch, those of the validation after those of the training.

        The columns are those of what was done, complete where the part ends the training, or the validation. It is
        another call of the same trace as `advance`, and so has the same bits.
        """
        if self._sent[0] is not order:
            self._sent = (order, self._send(order[None]))
        table = self._call(data, self._sent[1], 1, first, last)
        if last == self.epoch_batches:
            self._sent = (None, None)
        trained = self._batches.to_train
        done = [first < trained] * len(self._names) + [last > trained] * len(self._names)
        columns = self._columns(table[:1]).items()
        return {name: column for (name, column), is_done in zip(columns, done, strict=True) if is_done}

    def read_within(self) -> State:
        """Return the state reached inside an epoch: also what the metrics have gathered."""
        return {**self.read(), **read_metrics(self.model)}

    def _send(self, orders: NDArray[np.int32]) -> Any:
        padded = np.zeros((self.longest_call_epochs, self._examples), dtype=np.int32)
        padded[: len(orders)] = orders
        return jnp.asarray(padded)

    def _call(self, data: DeviceData, orders: Any, count: int, first: int, last: int) -> NDArray[Any]:
        spans = self._batches.spans(first, last)
        state, table = self._advance(self._pure.state(), data.train, data.validation, orders, count, spans)
        self._pure.keep(state)
        return np.asarray(table)

    def _columns(self, table: NDArray[Any]) -> Columns:
        names = [*self._names, *(f"val_{name}" for name in self._names)]
        return dict(zip(names, table.T.astype(float).tolist(), strict=True))

    def try_batches(self, data: DeviceData, count: int) -> None:
        """Train the first `count` batches (at most an epoch), to be timed; the state is lost."""
        self._call(data, self._send(np.zeros((1, self._examples), dtype=np.int32)), 1, 0, count)

    def evaluate(self, data: DeviceData) -> Columns:
        """Return loss and metrics of the present state on both parts."""
        columns: Columns = {}
        for prefix, part in {"": data.train, "val_": data.validation}.items():
            values = self._evaluate(self._pure.state(), part, (0, len(part[0])))
            columns.update({prefix + name: [float(value)] for name, value in zip(self._names, values, strict=True)})
        return columns

    def finish(self) -> None:
        """Do what Keras does at the end of `fit`."""
        self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
        for weight in self.model.trainable_weights:  # may be its average's array, and no array can be donated twice
            weight.assign(jnp.array(weight.value, copy=True))

    def predict(self, data: DeviceData) -> NDArray[Any] | None:
        """Return the outputs for the validation inputs, [examples, ...]; None if the model has several outputs."""
        x, state = data.validation[0], self._pure.state()
        starts = range(0, len(x), EVALUATION_BATCH)
        parts = [self._predict(state, x[start : start + EVALUATION_BATCH]) for start in starts]
        single = all(isinstance(part, jax.Array) for part in parts)
        return np.concatenate([np.asarray(part, dtype=keras.config.floatx()) for part in parts]) if single else None
