"""The engine `fit` on JAX: the batches are cut from arrays in main memory."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hpcsweep.data import Data
from hpcsweep.training.on_jax.averages import part_from_averages
from hpcsweep.training.programs.device_data import Placed, place_once
from hpcsweep.training.programs.fit_program import FitProgram, FollowOrders, known
from hpcsweep.training.programs.protocol import DeviceData

_on_host = Placed()


class JaxFitProgram(FitProgram):
    """`model.fit` on batches that follow another order in every epoch."""

    def put(self, data: Data) -> DeviceData:
        """Keep the arrays in main memory."""
        return place_once(data, _on_host, np.asarray)

    def finish(self) -> None:
        """Do what Keras does at the end of `fit`."""
        super().finish()
        part_from_averages(self.model)

    def batches(self, follow: FollowOrders, part: tuple[Any, Any, Any], size: int) -> Any:
        """Return the batches of the present epoch."""
        return _Batches(follow, known(part), size)


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    def __init__(self, follow: FollowOrders, arrays: tuple[Any, ...], size: int) -> None:
        super().__init__()
        self._follow, self._arrays, self._size = follow, arrays, size

    def __len__(self) -> int:
        return -(-self._follow.examples // self._size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self._follow.order[index * self._size : (index + 1) * self._size]
        return tuple(array[rows] for array in self._arrays)
