"""Seeding TensorFlow, without what makes it slow where that changes nothing."""

from __future__ import annotations

import random
import re
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED
from tensorflow.python.eager import context

from hpcsweep.training.state.variables import SHARED_SEED_GENERATOR

_RANDOM_OPERATION = re.compile(
    "Random(Uniform|StandardNormal|Shuffle|UniformInt|Gamma|Poisson|PoissonV2|Crop)|TruncatedNormal|Multinomial|"
    "ParameterizedTruncatedNormal|.*CandidateSampler|FractionalMaxPool|FractionalAvgPool|ShuffleDataset.*"
)


class _Seeded:
    """What TensorFlow's generator looked like when it was seeded last in this process."""

    def __init__(self) -> None:
        self.state: Any = None
        self.random_kernels = False
        self.functions_seen: set[Any] = set()


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
        global_state.set_global_attribute(GLOBAL_RANDOM_SEED, seed)
        global_state.set_global_attribute(SHARED_SEED_GENERATOR, None)
        eager = context.context()
        eager._seed, eager._rng = seed, random.Random(seed)
    _last.state = context.context()._rng.getstate()


def _holds_random_kernels() -> bool:
    """Whether TensorFlow has drawn a seed for a random operation of its own, or has a function with one; ever."""
    eager = context.context()
    if not _last.random_kernels:
        new = set(eager.list_function_names()) - _last.functions_seen
        _last.functions_seen |= new
        _last.random_kernels = eager._rng.getstate() != _last.state or any(
            _RANDOM_OPERATION.fullmatch(node.op) for name in new for node in eager.get_function_def(name).node_def
        )
    return _last.random_kernels
