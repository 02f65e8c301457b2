"""TensorFlow as a backend: what `hpcsweep.training.programs.backend` asks for."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import tensorflow as tf

from hpcsweep.data import Data
from hpcsweep.training.on_tensorflow.fit_program import TensorFlowFitProgram
from hpcsweep.training.on_tensorflow.program import TensorFlowProgram
from hpcsweep.training.on_tensorflow.seeding import seed
from hpcsweep.training.on_tensorflow.stacked_program import TensorFlowStackedProgram
from hpcsweep.training.programs.protocol import Program, StackedProgram

__all__ = [
    "COMPILED_ENGINES",
    "device_memory_gb",
    "device_name",
    "is_out_of_memory",
    "make_program",
    "make_stacked_program",
    "seed",
    "software_facts",
]


COMPILED_ENGINES = ("compiled", "compiled-xla")


@lru_cache(maxsize=1)
def device_name() -> str:
    """Return the name of the GPU that is used, or "cpu"."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu"
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))


def device_memory_gb() -> float | None:
    """Return the most GPU memory that TensorFlow's tensors have taken at once in this process, in GB; None on a CPU."""
    if device_name() == "cpu":
        return None
    return float(tf.config.experimental.get_memory_info("GPU:0")["peak"]) / 1e9


def software_facts() -> dict[str, Any]:
    """Return the threads of an operation, and TensorFlow's version."""
    return {"threads": tf.config.threading.get_intra_op_parallelism_threads(), "tensorflow": tf.__version__}


def make_program(model: Any, batch_size: int, data: Data, engine: str, callbacks: tuple[Any, ...]) -> Program:
    """Return a program of `engine` around a built and compiled model, ready to train."""
    if engine == "fit":
        return TensorFlowFitProgram(model, batch_size, data, callbacks)
    program = TensorFlowProgram(model, batch_size, data, jit=engine == "compiled-xla")
    program.compile(program.put(data))
    return program


def make_stacked_program(
    model: Any, batch_size: int, data: Data, *, members: int, shared_order: bool
) -> StackedProgram:
    """Return a program for stacks of `members` such models, with XLA."""
    return TensorFlowStackedProgram(model, batch_size, data, members=members, shared_order=shared_order, jit=True)


def is_out_of_memory(error: Exception) -> bool:
    """Whether TensorFlow raised `error` because the device has no room."""
    return isinstance(error, tf.errors.ResourceExhaustedError)
