"""What a result says of the device and the software that made it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf


def device_facts(model: Any) -> dict[str, Any]:
    """Return the device, the threads, the versions, and the size of the model."""
    return {**_machine_facts(), "parameters": int(model.count_params())}


@lru_cache(maxsize=1)
def _machine_facts() -> dict[str, Any]:
    return {
        "device": device_name(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "backend": keras.config.backend(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }


@lru_cache(maxsize=1)
def device_name() -> str:
    """Return the name of the GPU that is used, or "cpu"."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
