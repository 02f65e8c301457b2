"""Whole epochs inside one function under `jax.jit`, around the model's own Keras `train_step` and `test_step`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from hpcsweep.machine import zip_equal
from hpcsweep.training.examples import TrainingData, count
from hpcsweep.training.on_jax.averages import part_from_averages
from hpcsweep.training.on_jax.epochs import PureModel
from hpcsweep.training.programs.device_data import Placed, place_once
from hpcsweep.training.programs.epoch_program import EpochProgram
from hpcsweep.training.programs.protocol import Columns, DeviceData, NotCompilableError

_on_device = Placed()


def place(data: TrainingData) -> DeviceData:
    """Copy data to the default device; the same object is copied once."""
    return place_once(data, _on_device, jnp.asarray)


class JaxProgram(EpochProgram):
    """The engine `compiled`."""

    engine = "compiled"
    # With these JAX says that a net cannot be compiled; `auto` then takes `fit`, and who asked for this engine is told
    # in one line. Its NotImplementedError: an operation in the net has no gradient, or a type that JAX does not know.
    refusals = (TypeError, ValueError, NotImplementedError, jax.errors.JAXTypeError)

    def __init__(self, model: Any, batch_size: int, data: TrainingData) -> None:
        """Adopt `model`, which must be built and compiled; its variables become the program's."""
        super().__init__(model, batch_size, data)
        self._pure = PureModel(model, batch_size, self.evaluation_batch)
        self._advance = jax.jit(self._pure.epochs, donate_argnums=0)
        self._evaluate = jax.jit(self._pure.evaluation)
        self._predict = jax.jit(self._pure.outputs)

    def put(self, data: TrainingData) -> DeviceData:
        """Place data on the device; the same object is placed once."""
        try:
            return place(data)
        except TypeError as error:  # strings
            raise NotCompilableError(f"engine {self.engine}: {error}") from error

    def send(self, orders: NDArray[np.int32]) -> Any:
        """Copy orders of the examples to the device."""
        return jnp.asarray(orders)

    def call(self, data: DeviceData, orders: Any, count: int, first: int, last: int) -> NDArray[Any]:
        """Train the batches `first` to `last` - 1 of `count` epochs."""
        spans = self._batches.spans(first, last)
        state, table = self._advance(self._pure.state(), data.train, data.validation, orders, count, spans)
        self._pure.keep(state)
        return np.asarray(table)

    def evaluate(self, data: DeviceData) -> Columns:
        """Return loss and metrics of the present state on both parts."""
        columns: Columns = {}
        parts = {"": data.train, **({"val_": data.validation} if data.validates else {})}
        for prefix, part in parts.items():
            values = self._evaluate(self._pure.state(), part, (0, count(part)))
            columns.update({prefix + name: [float(value)] for name, value in zip_equal(self._names, values)})
        return columns

    def finish(self) -> None:
        """Do what Keras does at the end of `fit`."""
        super().finish()
        part_from_averages(self.model)

    def predict(self, data: DeviceData) -> NDArray[Any] | None:
        """Return the outputs for the validation inputs, [examples, ...]; None if the model has several outputs."""
        x, state, size = data.validation[0], self._pure.state(), self.evaluation_batch
        parts = [self._predict(state, x[start : start + size]) for start in range(0, len(x), size)]
        single = all(isinstance(part, jax.Array) for part in parts)
        return np.concatenate([np.asarray(part, dtype=keras.config.floatx()) for part in parts]) if single else None
