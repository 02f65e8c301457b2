"""Data on a device: cast as Keras would, each data set copied once."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import keras
from numpy.typing import NDArray

from hpcsweep.training.examples import TrainingData, Tree, map_arrays
from hpcsweep.training.programs.protocol import DeviceData

Placed = weakref.WeakKeyDictionary[TrainingData, DeviceData]


def place_once(data: TrainingData, placed: Placed, copy: Callable[[NDArray[Any]], Any]) -> DeviceData:
    """Return `data` on the device that `copy` copies to, floats as Keras's default float; kept in `placed`."""

    def part(*trees: Tree) -> tuple[Any, Any, Any]:
        x, y, weight = map_arrays(lambda array: copy(_as_keras_would(array)), trees)
        return x, y, weight

    if data not in placed:
        train = part(data.x, data.y, data.sample_weight)
        placed[data] = DeviceData(train, part(data.x_val, data.y_val, data.val_sample_weight))
    return placed[data]


def _as_keras_would(array: NDArray[Any]) -> NDArray[Any]:
    """Cast floats to Keras's default float, as `model.fit` does with NumPy arrays; leave all else."""
    return array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array
