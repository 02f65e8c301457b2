"""Seeding where TensorFlow need not be."""

from __future__ import annotations

import random

import numpy as np
from keras.src.backend.common import global_state
from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED

from hpcsweep.training.state.variables import SHARED_SEED_GENERATOR


def seed(seed: int) -> None:
    """Do what keras.utils.set_random_seed does, which would import TensorFlow if it is installed.

    JAX has no random state of its own.
    """
    global_state.set_global_attribute(GLOBAL_RANDOM_SEED, seed)
    global_state.set_global_attribute(SHARED_SEED_GENERATOR, None)
    random.seed(seed)
    np.random.seed(seed)
