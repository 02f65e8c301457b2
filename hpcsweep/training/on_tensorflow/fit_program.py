"""The engine `fit` on TensorFlow: the batches come from a tf.data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from hpcsweep.training.examples import TrainingData, map_arrays, packed
from hpcsweep.training.programs.device_data import Placed, place_once
from hpcsweep.training.programs.fit_program import FitProgram, FollowOrders
from hpcsweep.training.programs.protocol import DeviceData

_on_host = Placed()


class TensorFlowFitProgram(FitProgram):
    """`model.fit` on a tf.data set that follows another order in every epoch."""

    def put(self, data: TrainingData) -> DeviceData:
        """Make tensors of the data in main memory; the same object is copied once."""
        with tf.device("CPU"):
            return place_once(data, _on_host, tf.constant)

    def batches(self, follow: FollowOrders, part: tuple[Any, Any, Any], size: int) -> Any:
        """Return the batches of the present epoch."""
        examples = follow.examples

        def order() -> Iterator[NDArray[np.int32]]:
            yield follow.order

        orders = tf.data.Dataset.from_generator(order, output_signature=tf.TensorSpec((examples,), tf.int32))
        chosen = orders.flat_map(lambda whole: tf.data.Dataset.from_tensor_slices(whole).batch(size))
        batches = chosen.map(lambda rows: packed(*map_arrays(lambda tensor: tf.gather(tensor, rows), part))).prefetch(1)
        return batches.apply(tf.data.experimental.assert_cardinality(-(-examples // size)))
