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
    "is_distributed",
    "is_out_of_memory",
    "make_program",
    "make_stacked_program",
    "pass_over",
    "seed",
    "software_facts",
    "trace_step",
    "unkept_draw",
    "xla_differs",
]


_DRAWING = (
    *("RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal", "ParameterizedTruncatedNormal"),
    *("RandomShuffle", "RandomGamma", "RandomPoissonV2", "Multinomial"),
)
COMPILED_ENGINES = ("compiled", "compiled-xla")
_XLA_DIFFERS = ("2.19.", "2.20.")  # `make matrix`: the last digits of the weights, with 4 of 14 nets


def xla_differs() -> str:
    """Say in which release XLA's numbers are not those of Keras under XLA; empty where they are."""
    differs = tf.__version__.startswith(_XLA_DIFFERS)
    return f"with TensorFlow {tf.__version__}, XLA's last digits may differ from those of Keras" if differs else ""


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


def is_distributed(model: Any) -> bool:
    """Whether the model was made, or the code runs, inside the scope of a strategy for several devices."""
    strategy = getattr(model, "distribute_strategy", None)
    return bool(tf.distribute.has_strategy()) or strategy not in (None, tf.distribute.get_strategy())


def trace_step(model: Any, batch: Any) -> None:
    """Create the variables that the model's own training step makes when it is traced first, such as an optimizer's.

    What stands in the way of tracing is left for the training to say.
    """
    with contextlib.suppress(Exception):
        _traced(model, batch)


def unkept_draw(model: Any, batch: Any) -> str | None:
    """Return the first operation of the training step that draws from TensorFlow's own generators.

    Nobody can read their state. None also where the step cannot be traced: the training will say why.
    """
    with contextlib.suppress(Exception):
        graph = _traced(model, batch).graph.as_graph_def()
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        return next((node.op for node in nodes if node.op in _DRAWING), None)
    return None


def _traced(model: Any, batch: Any) -> Any:
    arrays = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
    remaining = iter([tf.TensorSpec(array.shape, array.dtype) for array in arrays])
    specs = keras.tree.map_structure(lambda leaf: None if leaf is None else next(remaining), batch)
    return tf.function(model.train_step, autograph=False).get_concrete_function(specs)


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
