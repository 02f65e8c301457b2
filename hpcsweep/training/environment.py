"""What must be set before Keras is imported: which backend it has, and one thread."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator

from hpcsweep.errors import MissingPackageError, UsageError
from hpcsweep.machine import old_keras

BACKENDS = {"tensorflow": '"hpcsweep[cpu]", or "hpcsweep[gpu]" for an NVIDIA GPU', "jax": '"hpcsweep[jax]"'}
"""The backends of Keras that can train, and what to install for each."""
NEWEST_KERAS = "3.15"  # of the minor releases that all tests have passed with
THREADS = 1  # numbers that do not depend on the node's core count, and twice the throughput of unpinned defaults
# What Keras would load for wrappers and plots where it is installed: three of an import's ten seconds
_NEEDLESS = ("sklearn", "pandas", "matplotlib")
_VARIABLES = {"OMP_NUM_THREADS": str(THREADS), "KERAS_BACKEND": "tensorflow"}


def prepare() -> None:
    """Import Keras and its backend, quiet, single-threaded and deterministic; what the user has set stays.

    Raises MissingPackageError if they are not installed, or Keras lacks what keras_private.py takes from behind its
    public face; UsageError for a backend that is not supported.
    """
    if version := old_keras():
        raise MissingPackageError(
            f"Keras {version} is installed here, expected 3.3 or newer (TensorFlow 2.16) for `fit`; a job that "
            "calls its own `model.fit` and imports nothing of hpcsweep.training runs with it"
        )
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    backend = chosen_backend()
    if backend not in BACKENDS:
        raise UsageError(f"Keras's backend is {backend}; expected {' or '.join(BACKENDS)} (KERAS_BACKEND says which)")
    for package in ("keras", backend):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(
                f"{package} is not installed here; expected Keras with {backend} "
                f"(type: pip install {BACKENDS[backend]})"
            )
    others = BACKENDS.keys() - {backend}  # TensorFlow would load JAX
    with _without(*_NEEDLESS, *others), _no_garbage_collection():
        importlib.import_module(f"hpcsweep.training.on_{backend}.environment").prepare()
        import keras
    try:
        from hpcsweep.training import keras_private  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"Keras {keras.__version__} is not laid out as hpcsweep knows it ({error}); expected a release up to "
            f'{NEWEST_KERAS} (type: pip install "keras<={NEWEST_KERAS}.99")'
        ) from error


def chosen_backend() -> str:
    """Return the backend that Keras has, or will have when it is imported."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    return os.environ.get("KERAS_BACKEND", "tensorflow")


@contextlib.contextmanager
def _without(*packages: str) -> Iterator[None]:
    """Hide packages while Keras is imported; not those that are already: the job may hand their things to Keras."""
    hidden = [name for name in packages if name not in sys.modules and "keras" not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Import without looking for garbage among a million new objects, and never look at those objects later.

    Else the import takes half a second longer, and the end of the process three quarters of a second.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
