"""What a result says of the device and the software that made it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import keras

from hpcsweep.training.backend import backend


def device_facts(model: Any) -> dict[str, Any]:
    """Return the device, the threads, the versions, and the size of the model."""
    return {**_machine_facts(), "parameters": int(model.count_params())}


@lru_cache(maxsize=1)
def _machine_facts() -> dict[str, Any]:
    return {
        "device": backend().device_name(),
        "backend": keras.config.backend(),
        "keras": keras.__version__,
        **backend().software_facts(),
    }
