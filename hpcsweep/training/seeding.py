"""Seeds: a model built after `seed_everything` equals the one built in a new process, whatever ran before."""

from __future__ import annotations

import hashlib
import random
import re
import weakref
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED

from hpcsweep.errors import JobError

_LARGEST = 2**32 - 1  # what NumPy's and TensorFlow's global generators take
_RANDOM_OPERATION = re.compile(
    "Random(Uniform|StandardNormal|Shuffle|UniformInt|Gamma|Poisson|PoissonV2|Crop)|TruncatedNormal|Multinomial|"
    "ParameterizedTruncatedNormal|.*CandidateSampler|FractionalMaxPool|FractionalAvgPool|ShuffleDataset.*"
)


class _Seeded:
    """What was seeded last in this process, to notice models that were built before it."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.python_state: Any = None
        self.trained: weakref.WeakSet[Any] = weakref.WeakSet()
        self.tensorflow_state: Any = None
        self.random_kernels = False
        self.functions_seen: set[Any] = set()


_last = _Seeded()


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy, Keras and its backend, and start Keras's automatic names afresh."""
    _seed(_folded(seed))
    # Else the second run's AUC metric would be called "auc_1", and its history differ.
    global_state.set_global_attribute("object_name_uids", None)
    _last.seed, _last.python_state = seed, random.getstate()


def require_fresh(model: Any, seed: int) -> None:
    """Raise JobError unless `model` was built for the run with this seed, after seeding, and never trained."""
    if model in _last.trained:
        raise JobError(
            "fit was given a model that was trained before; build a new model inside the job function, in every call"
        )
    if _last.seed != seed:
        raise JobError(
            f"Keras is not seeded for this run (seed {seed}); expected seed_everything(run.seed) "
            "before the model is built"
        )
    if random.getstate() == _last.python_state and _draws_seeds(model):
        raise JobError(
            "the model was built before this run was seeded; build it inside the job function, after the job was called"
        )
    _last.trained.add(model)


def _seed(seed: int) -> None:
    """Do what keras.utils.set_random_seed does, without what makes it slow where that changes nothing.

    tf.random.set_seed drops all of TensorFlow's kernels, to reset those that hold a random state, and each run would
    pay 0.2 s for making them anew. Keras's own random layers keep their state in variables.
    """
    if _last.seed is None or keras.config.backend() != "tensorflow" or _holds_random_kernels():
        keras.utils.set_random_seed(seed)
    else:
        random.seed(seed)
        np.random.seed(seed)
        global_state.set_global_attribute(GLOBAL_RANDOM_SEED, seed)
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)
        eager = _eager_context()
        eager._seed, eager._rng = seed, random.Random(seed)
    if keras.config.backend() == "tensorflow":
        _last.tensorflow_state = _eager_context()._rng.getstate()


def _holds_random_kernels() -> bool:
    """Whether TensorFlow has drawn a seed for a random operation of its own, or has a function with one; ever."""
    eager = _eager_context()
    if not _last.random_kernels:
        new = set(eager.list_function_names()) - _last.functions_seen
        _last.functions_seen |= new
        _last.random_kernels = eager._rng.getstate() != _last.tensorflow_state or any(
            _RANDOM_OPERATION.fullmatch(node.op) for name in new for node in eager.get_function_def(name).node_def
        )
    return _last.random_kernels


def _eager_context() -> Any:
    from tensorflow.python.eager import context

    return context.context()


def _draws_seeds(model: Any) -> bool:
    from keras.src.initializers.random_initializers import RandomInitializer

    layers = model._flatten_layers()
    values = (value for layer in layers for value in vars(layer).values())
    return any(isinstance(value, RandomInitializer) and value._init_seed is None for value in values)


def _folded(seed: int) -> int:
    if 0 <= seed <= _LARGEST:
        return seed
    return int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:4], "big")
