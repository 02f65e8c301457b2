"""Seeding TensorFlow, without what makes it slow where that changes nothing."""

from __future__ import annotations

import random
import re
from typing import Any

import keras
import numpy as np

from hpcsweep.training.keras_private import restart_seeds
from hpcsweep.training.on_tensorflow.private import operations_of_functions, random_state, seed_eagerly

_RANDOM_OPERATION = re.compile(
    "Random(Uniform|StandardNormal|Shuffle|UniformInt|Gamma|Poisson|PoissonV2|Crop)|TruncatedNormal|Multinomial|"
    "ParameterizedTruncatedNormal|.*CandidateSampler|FractionalMaxPool|FractionalAvgPool|ShuffleDataset.*"
)


class _Seeded:
    """What TensorFlow's generator looked like when it was seeded last in this process."""

    def __init__(self) -> None:
        self.state: Any = None
        self.random_kernels = False
        self.functions_seen: set[str] = set()


_last = _Seeded()


def seed(seed: int) -> None:
    """Do what keras.utils.set_random_seed does.

    tf.random.set_seed drops all of TensorFlow's kernels, to reset those that hold a random state, and each run would
    pay 0.2 s for making them anew. Keras's own random layers keep their state in variables.
    """
    if _last.state is None or _holds_random_kernels():
        keras.utils.set_random_seed(seed)
    else:
        random.seed(seed)
        np.random.seed(seed)
        seed_eagerly(seed)
    restart_seeds(seed)
    _last.state = random_state()


def _holds_random_kernels() -> bool:
    """Whether TensorFlow has drawn a seed for a random operation of its own, or has a function with one; ever."""
    if not _last.random_kernels:
        operations = operations_of_functions(_last.functions_seen)
        _last.random_kernels = random_state() != _last.state or any(map(_RANDOM_OPERATION.fullmatch, operations))
    return _last.random_kernels
