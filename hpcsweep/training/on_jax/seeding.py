"""Seeding where TensorFlow need not be."""

from __future__ import annotations

import random

import numpy as np

from hpcsweep.training.keras_private import restart_seeds


def seed(seed: int) -> None:
    """Do what keras.utils.set_random_seed does, which would import TensorFlow if it is installed.

    JAX has no random state of its own.
    """
    restart_seeds(seed)
    random.seed(seed)
    np.random.seed(seed)
