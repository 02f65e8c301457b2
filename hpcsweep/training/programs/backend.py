"""All that training needs of the backend that Keras has: the rest of the package does not know which one it is."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any, Protocol, cast

import keras

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.programs.protocol import Program, StackedProgram


class Backend(Protocol):
    """What the module `backend` of each folder on_... has."""

    @property
    def COMPILED_ENGINES(self) -> tuple[str, ...]:  # noqa: N802
        """The engines that compile whole epochs, the one with the numbers of `model.fit` first."""

    def xla_differs(self) -> str:
        """Say in which release XLA's numbers are not those of Keras under XLA; empty where they are."""

    def device_name(self) -> str:
        """Return the name of the GPU that is used, or "cpu"."""

    def device_memory_gb(self) -> float | None:
        """Return the most GPU memory that this process has used at once, in GB (10^9 bytes); None on a CPU."""

    def software_facts(self) -> dict[str, Any]:
        """Return the threads that are used, and the backend's version under its name."""

    def seed(self, seed: int) -> None:
        """Seed Python, NumPy, Keras and the backend."""

    def is_distributed(self, model: Any) -> bool:
        """Whether the model was made, or the code runs, inside the scope of a strategy for several devices."""

    def unkept_draw(self, model: Any, batch: Any) -> str | None:
        """Return the operation with which the model's step draws from a state that nobody can read, if there is one."""

    def pass_over(self, *given: Any) -> Any:
        """Take the place of a Keras model's training function: see a batch, and train nothing."""

    def trace_step(self, model: Any, batch: Any) -> None:
        """Create the variables that the model's own training step makes when it is traced first."""

    def make_program(
        self, model: Any, batch_size: int, data: TrainingData, engine: str, callbacks: tuple[Any, ...], *, faster: bool
    ) -> Program:
        """Return a program of `engine` around a built and compiled model, ready to train.

        `faster`: with the backend's own ways to compute the same bits in less time, if it has any.
        """

    def make_stacked_program(
        self, model: Any, batch_size: int, data: TrainingData, *, members: int, shared_order: bool, faster: bool
    ) -> StackedProgram:
        """Return a program for stacks of `members` such models; UsageError names what cannot be stacked."""

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether the backend raised `error` because the device has no room."""


@lru_cache(maxsize=1)
def backend() -> Backend:
    """Return the backend that Keras was imported with."""
    return cast(Backend, importlib.import_module(f"hpcsweep.training.on_{keras.config.backend()}.backend"))
