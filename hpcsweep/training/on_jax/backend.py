"""JAX as a backend: what `hpcsweep.training.programs.backend` asks for."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import jax

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.on_jax.fit_program import JaxFitProgram
from hpcsweep.training.on_jax.program import JaxProgram
from hpcsweep.training.on_jax.seeding import seed
from hpcsweep.training.on_jax.stacked_program import JaxStackedProgram
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


COMPILED_ENGINES = ("compiled",)


def xla_differs() -> str:
    """Return nothing: XLA compiles all of JAX."""
    return ""


@lru_cache(maxsize=1)
def device_name() -> str:
    """Return the name of the GPU that is used, or "cpu"."""
    device = jax.devices()[0]
    return "cpu" if device.platform == "cpu" else str(device.device_kind)


def device_memory_gb() -> float | None:
    """Return the most GPU memory that JAX's arrays have taken at once in this process, in GB; None on a CPU."""
    statistics = jax.devices()[0].memory_stats() or {}
    peak_bytes = statistics.get("peak_bytes_in_use")
    return None if device_name() == "cpu" or peak_bytes is None else float(peak_bytes) / 1e9


def software_facts() -> dict[str, Any]:
    """Return the threads of an operation, and the versions of JAX and its compiler."""
    return {"threads": int(os.environ["NPROC"]), "jax": jax.__version__, "jaxlib": version("jaxlib")}


def is_distributed(model: Any) -> bool:
    """Whether the model was made inside the scope of a strategy: JAX has none, `keras.distribution` is for it."""
    return False


def unkept_draw(model: Any, batch: Any) -> str | None:
    """Return None: on JAX whatever is drawn is drawn from a key that is given."""
    return None


def pass_over(state: Any, batches: Any) -> tuple[dict[str, Any], Any]:
    """Take the place of a Keras model's training function: see the batches, and train nothing."""
    return {}, state


def trace_step(model: Any, batch: Any) -> None:
    """Do nothing: on JAX a training step is given all variables, and can make none."""


def make_program(
    model: Any, batch_size: int, data: TrainingData, engine: str, callbacks: tuple[Any, ...], *, faster: bool
) -> Program:
    """Return a program of `engine` around a built and compiled model, ready to train."""
    if engine == "fit":
        return JaxFitProgram(model, batch_size, data, callbacks)
    program = JaxProgram(model, batch_size, data)
    program.compile(program.put(data))
    return program


def make_stacked_program(
    model: Any, batch_size: int, data: TrainingData, *, members: int, shared_order: bool, faster: bool
) -> StackedProgram:
    """Return a program for stacks of `members` such models."""
    return JaxStackedProgram(model, batch_size, data, members=members, shared_order=shared_order)


def is_out_of_memory(error: Exception) -> bool:
    """Whether JAX raised `error` because the device has no room."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
