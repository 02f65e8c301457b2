"""What must be set before TensorFlow is imported: one thread, no chatter, deterministic operations."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator

from hpcsweep.errors import MissingPackageError

THREADS = 1  # numbers that do not depend on the node's core count, and twice the throughput of unpinned defaults
_VARIABLES = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": str(THREADS),
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several workers share one GPU
    "KERAS_BACKEND": "tensorflow",
}


def prepare() -> None:
    """Import Keras and its backend, quiet, single-threaded and deterministic; what the user has set stays.

    Raises MissingPackageError if they are not installed.
    """
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    backend = os.environ["KERAS_BACKEND"]
    for package in ("keras", backend):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(
                f"{package} is not installed here; expected Keras with {backend} "
                f'(type: pip install "hpcsweep[cpu]", or "hpcsweep[gpu]" for an NVIDIA GPU)'
            )
    if backend == "tensorflow":
        _prepare_tensorflow()
    with _without_scikit_learn():
        import keras  # noqa: F401


def _prepare_tensorflow() -> None:
    with _standard_error_to_null(), _without_scikit_learn():
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
def _without_scikit_learn() -> Iterator[None]:
    """Hide scikit-learn while Keras is imported: its wrappers would load it, for 1.5 seconds."""
    if "sklearn" in sys.modules or "keras" in sys.modules:
        yield
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["sklearn"]


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
