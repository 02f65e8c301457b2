"""JAX as workers need it: one thread, no chatter, and no more of a GPU's memory than is used."""

from __future__ import annotations

import os
import sys
from importlib import metadata

from hpcsweep.errors import MissingPackageError
from hpcsweep.machine import is_old_keras
from hpcsweep.training.environment import THREADS

OLDEST_KERAS = (3, 12)
VARIABLES = {
    "NPROC": str(THREADS),  # the threads of XLA's pools on a CPU; without it, as many as there are cores
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several workers share one GPU
    "TF_CPP_MIN_LOG_LEVEL": "3",  # XLA's chatter, in spite of the name
}


def prepare() -> None:
    """Import Keras with JAX and set it up; what the user has set stays.

    No device is used yet, so that children can be forked. Raises MissingPackageError for a Keras of before 3.12, whose
    training step on JAX is laid out otherwise.
    """
    if is_old_keras(version := metadata.version("keras"), OLDEST_KERAS):
        raise MissingPackageError(
            f"Keras {version} with JAX is installed here, expected Keras 3.12 or newer for `fit` on JAX "
            '(type: pip install "keras>=3.12"), or KERAS_BACKEND=tensorflow'
        )
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    from hpcsweep.training.keras_private import expect_no_tensorflow

    if sys.modules.get("tensorflow") is None:
        expect_no_tensorflow()
