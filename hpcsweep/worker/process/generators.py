"""The states of the global random generators, so that a job that draws from them resumes exactly.

Those of Python and NumPy, and of PyTorch where the job has imported it.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np

from hpcsweep.worker.process.output import warn


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
        **({"torch": _torch_states()} if "torch" in sys.modules else {}),
    }


def set_generator_states(states: dict[str, Any]) -> None:
    """Put the generators back to what `generator_states` returned."""
    python, numpy = states["python"], states["numpy"]
    random.setstate((python["version"], tuple(python["words"].tolist()), python["gauss"]))
    np.random.set_state(tuple(numpy[key] for key in ("name", "keys", "position", "has_gauss", "cached")))
    if "torch" in states and "torch" in sys.modules:
        _set_torch_states(states["torch"])


def _torch_states() -> dict[str, Any]:
    torch = sys.modules["torch"]
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {"cpu": torch.get_rng_state().numpy(), "gpus": [state.numpy() for state in gpus]}


def _set_torch_states(states: dict[str, Any]) -> None:
    torch = sys.modules["torch"]
    torch.set_rng_state(torch.from_numpy(states["cpu"]))
    gpus, here = states["gpus"], torch.cuda.device_count()
    if gpus and len(gpus) != here:
        warn(f"hpcsweep: PyTorch drew on {len(gpus)} GPUs before and sees {here} now: its draws there are others")
    elif gpus:
        torch.cuda.set_rng_state_all([torch.from_numpy(state) for state in gpus])
