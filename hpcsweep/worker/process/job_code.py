"""Loading the user's job function by path, under a private name, and seeding what it may draw from."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.errors import JobError

_ADAPTED_TO = re.compile(r"^\s*(?:import|from)\s+(sklearn|pandas|matplotlib)\b", re.MULTILINE)
_KERAS = re.compile(r"\b(keras|tensorflow|hpcsweep\.training|from\s+hpcsweep\s+import\s+.*\btraining)\b")


def load_job(root: Path, path: Path, function: str) -> Callable[..., Any]:
    """Import the job file and return its function; the file may import from its own folder and from the study's root.

    Raises whatever the file raises when it is imported.
    """
    for folder in (str(root), str(path.parent)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    name = f"_hpcsweep_job_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise JobError(f"{path}: cannot be imported; expected a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    job = getattr(module, function, None)
    if not callable(job):
        raise JobError(f"{path}: has no function {function} after import; expected one")
    return job  # type: ignore[no-any-return]


def prepare_keras(path: Path) -> None:
    """Set Keras up before the job file imports it, or it would use more threads, round differently, and be noisy.

    Keras adapts itself to some packages if it finds them. It is kept from this, except for those that the job imports.
    """
    for name in sorted(set(_ADAPTED_TO.findall(path.read_text(encoding="utf-8")))):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    importlib.import_module("hpcsweep.training")


def uses_keras(path: Path) -> bool:
    """Whether the text of the job file mentions Keras, which must then be seeded before each call."""
    return bool(_KERAS.search(path.read_text(encoding="utf-8")))


def seed_everything(seed: int, *, keras: bool, precision: str | None = None) -> None:
    """Seed Python's and NumPy's global generators, and those of Keras and PyTorch if these are in use."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if keras:
        from hpcsweep.training import seed_everything as seed_keras

        seed_keras(seed, precision)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
