"""TensorFlow as workers need it: one thread, no chatter, deterministic operations, several processes on a GPU."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from hpcsweep.training.environment import THREADS

VARIABLES = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several workers share one GPU
}


def prepare() -> None:
    """Import TensorFlow and set it up; what the user has set stays."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    with _standard_error_to_null():
        import tensorflow as tf
    tf.get_logger().setLevel(logging.ERROR)
    with contextlib.suppress(RuntimeError):  # too late if the job has used TensorFlow already
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:  # on a GPU some layers have no deterministic form, and XLA has fewer
        tf.config.experimental.enable_op_determinism()
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)


@contextlib.contextmanager
def _standard_error_to_null() -> Iterator[None]:
    """Send what C++ code prints while it is loaded to nowhere; Python's own errors are raised, so none is lost."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
