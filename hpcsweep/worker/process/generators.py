"""The states of Python's and NumPy's global random generators, so that a job that draws from them resumes exactly."""

from __future__ import annotations

import random
from typing import Any

import numpy as np


def generator_states() -> dict[str, Any]:
    """Return the states as plain values and arrays."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": {"version": version, "words": np.array(words, dtype=np.uint32), "gauss": gauss},
        "numpy": {
            "name": name,
            "keys": keys,
            "position": position,
            "has_gauss": has_gauss,
            "cached": cached,
        },
    }


def set_generator_states(states: dict[str, Any]) -> None:
    """Put the generators back to what `generator_states` returned."""
    python, numpy = states["python"], states["numpy"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    np.random.set_state(tuple(numpy[key] for key in ("name", "keys", "position", "has_gauss", "cached")))
