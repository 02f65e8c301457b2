"""What must be set before Keras is imported: which backend it has, and one thread."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator

from hpcsweep.errors import MissingPackageError

THREADS = 1  # numbers that do not depend on the node's core count, and twice the throughput of unpinned defaults
_VARIABLES = {"OMP_NUM_THREADS": str(THREADS), "KERAS_BACKEND": "tensorflow"}


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
    with _without_scikit_learn():
        importlib.import_module(f"hpcsweep.training.on_{backend}.environment").prepare()
        import keras  # noqa: F401


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
