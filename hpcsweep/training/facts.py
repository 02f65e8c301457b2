"""What a result says of the device and the software that made it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import keras

from hpcsweep.training.programs.backend import backend


def device_facts(model: Any) -> dict[str, Any]:
    """Return the device, the threads, the versions, and the size of the model."""
    return {**_machine_facts(), "parameters": sum(math.prod(weight.shape) for weight in model.weights)}


def memory_facts() -> dict[str, float]:
    """Return `device_memory_gb`, the peak of this process on its GPU up to now; nothing where there is none to say."""
    peak_gb = backend().device_memory_gb()
    return {} if peak_gb is None else {"device_memory_gb": peak_gb}


@lru_cache(maxsize=1)
def _machine_facts() -> dict[str, Any]:
    return {
        "device": backend().device_name(),
        "backend": keras.config.backend(),
        "keras": keras.__version__,
        **backend().software_facts(),
    }
