"""All that we use of TensorFlow, and of Keras on it, behind their public faces: TensorFlow 2.18 to 2.21.

Beside `hpcsweep.training.keras_private`, because nothing here may be imported where Keras runs on JAX. Each function
has a test of what it does (tests/training/test_keras_private.py), which names the release that breaks it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keras.src.backend.tensorflow import numpy as keras_numpy
from tensorflow.compiler.tf2xla.python.xla import optimization_barrier
from tensorflow.python.eager.context import context

keras_matmul: Callable[[Any, Any], Any] = keras_numpy.matmul


@contextmanager
def multiplying_with(matmul: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Have Keras's layers multiply matrices with `matmul` for a while."""
    keras_numpy.matmul = matmul
    try:
        yield
    finally:
        keras_numpy.matmul = keras_matmul


def barrier(x: Any, *others: Any) -> Any:
    """Return `x`, of which XLA computes nothing together with what comes after, nor before it has the `others`."""
    return optimization_barrier(x, *others)[0]


def seed_eagerly(seed: int) -> None:
    """Do what tf.random.set_seed does, except that kernels which hold a random state are not dropped."""
    context()._seed, context()._rng = seed, random.Random(seed)


def random_state() -> Any:
    """Return the state of the generator from which operations without a seed of their own draw one."""
    return context()._rng.getstate()


def operations_of_functions(seen: set[str]) -> set[str]:
    """Return the operations in TensorFlow's functions that are not among the names `seen`, to which they are added."""
    new = set(context().list_function_names()) - seen
    seen |= new
    return {node.op for name in new for node in context().get_function_def(name).node_def}
