"""Before a model of the user's own is trained: is its state all that its steps depend on?"""

from __future__ import annotations

import numpy as np

from hpcsweep.errors import JobError
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.protocol import Program
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.unkept import Unkept
from hpcsweep.training.state.variables import State

_ROUNDING = 1e-2  # on a GPU, where the same step twice differs in its last bits


def require_repeatable(run: RunHandle, program: Program, setup: Setup, initial: State, unkept: Unkept) -> None:
    """Take one step, load the state before it, and take it again: JobError if that leads elsewhere.

    Then something that the step depends on is not in the state, and a run that goes on would not equal one that was
    never stopped. The program's state is lost.
    """
    data, generators = program.put(setup.data), run.generators()
    reached = []
    for _ in range(2):
        program.load(initial)
        program.try_batches(data, 1)
        reached.append(program.read())
        run.set_generators(generators)
        unkept.require_none()
    first, second = reached
    differ = [name for name in first if not _equal(first[name], second[name])]
    if differ:
        raise JobError(
            f"one training step, taken twice from the same state, led to two states (they differ in {differ[0]} and "
            f"{len(differ) - 1} more); it draws from what is not saved, such as tf.random: use keras.random with a "
            'keras.random.SeedGenerator, or say fit(..., resume="restart"), and an interrupted run begins anew'
        )


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    if backend().device_name() == "cpu" or one.dtype.kind != "f":
        return one.tobytes() == other.tobytes()
    return bool(np.allclose(one, other, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True))
