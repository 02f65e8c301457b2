"""JAX as workers need it: one thread, no chatter, and no more of a GPU's memory than is used."""

from __future__ import annotations

import os
import sys

from hpcsweep.training.environment import THREADS

VARIABLES = {
    "NPROC": str(THREADS),  # the threads of XLA's pools on a CPU; without it, as many as there are cores
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several workers share one GPU
    "TF_CPP_MIN_LOG_LEVEL": "3",  # XLA's chatter, in spite of the name
}


def prepare() -> None:
    """Import Keras with JAX and set it up; what the user has set stays.

    No device is used yet, so that children can be forked.
    """
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    from hpcsweep.training.keras_private import expect_no_tensorflow

    if sys.modules.get("tensorflow") is None:
        expect_no_tensorflow()
