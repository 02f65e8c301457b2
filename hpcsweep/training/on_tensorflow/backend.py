"""TensorFlow as a backend: what `hpcsweep.training.programs.backend` asks for."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import Any

import keras
import tensorflow as tf

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.on_tensorflow.faster import ALL_TRICKS, Tricks
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
    "pass_over",
    "seed",
    "software_facts",
    "trace_step",
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


def pass_over(iterator: Any) -> dict[str, Any]:
    """Take the place of a Keras model's training function: see a batch, and train nothing."""
    next(iterator)
    return {}


def trace_step(model: Any, batch: Any) -> None:
    """Create the variables that the model's own training step makes when it is traced first, such as an optimizer's.

    What stands in the way of tracing is left for the training to say.
    """
    arrays = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
    remaining = iter([tf.TensorSpec(array.shape, array.dtype) for array in arrays])
    specs = keras.tree.map_structure(lambda leaf: None if leaf is None else next(remaining), batch)
    with contextlib.suppress(Exception):
        tf.function(model.train_step, autograph=False).get_concrete_function(specs)


def make_program(
    model: Any, batch_size: int, data: TrainingData, engine: str, callbacks: tuple[Any, ...], *, faster: bool
) -> Program:
    """Return a program of `engine` around a built and compiled model, ready to train."""
    if engine == "fit":
        return TensorFlowFitProgram(model, batch_size, data, callbacks)
    program = TensorFlowProgram(model, batch_size, data, jit=engine == "compiled-xla", tricks=_tricks(faster=faster))
    program.compile(program.put(data))
    return program


def make_stacked_program(
    model: Any, batch_size: int, data: TrainingData, *, members: int, shared_order: bool, faster: bool
) -> StackedProgram:
    """Return a program for stacks of `members` such models, with XLA."""
    tricks = _tricks(faster=faster)
    return TensorFlowStackedProgram(model, batch_size, data, members=members, shared_order=shared_order, tricks=tricks)


def _tricks(*, faster: bool) -> Tricks:
    return ALL_TRICKS if faster else frozenset()


def is_out_of_memory(error: Exception) -> bool:
    """Whether TensorFlow raised `error` because the device has no room."""
    return isinstance(error, tf.errors.ResourceExhaustedError)
