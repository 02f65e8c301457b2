"""The engine `fit` on JAX: the batches are cut from arrays in main memory."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hpcsweep.errors import UsageError
from hpcsweep.training.examples import TrainingData, map_arrays, packed
from hpcsweep.training.on_jax.averages import part_from_averages
from hpcsweep.training.programs.device_data import Placed, place_once
from hpcsweep.training.programs.fit_program import FitProgram, FollowOrders
from hpcsweep.training.programs.protocol import DeviceData

_on_host = Placed()


class JaxFitProgram(FitProgram):
    """`model.fit` on batches that follow another order in every epoch."""

    def __init__(self, model: Any, batch_size: int, data: TrainingData, callbacks: tuple[Any, ...] = ()) -> None:
        """Adopt `model`; UsageError if its own training step would see other batches than of arrays."""
        super().__init__(model, batch_size, data, callbacks)
        if data.y is None and type(model).train_step is not keras.Model.train_step:
            raise UsageError(
                "engine fit on JAX gives a training step of your own (x,) in place of x; expected the engine compiled"
            )

    def put(self, data: TrainingData) -> DeviceData:
        """Keep the arrays in main memory."""
        return place_once(data, _on_host, np.asarray)

    def finish(self) -> None:
        """Do what Keras does at the end of `fit`."""
        super().finish()
        part_from_averages(self.model)

    def batches(self, follow: FollowOrders, part: tuple[Any, Any, Any], size: int) -> Any:
        """Return the batches of the present epoch."""
        return _Batches(follow, part, size)


class _Batches(keras.utils.PyDataset):
    def __init__(self, follow: FollowOrders, part: tuple[Any, Any, Any], size: int) -> None:
        super().__init__()
        self._follow, self._part, self._size = follow, part, size

    def __len__(self) -> int:
        return -(-self._follow.examples // self._size)

    def __getitem__(self, index: int) -> Any:
        rows = self._follow.order[index * self._size : (index + 1) * self._size]
        return packed(*map_arrays(lambda array: array[rows], self._part))
