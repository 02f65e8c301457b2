"""Whether runs of one shape train faster in a stack than one after the other: measured once for shape and size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from hpcsweep.training.engines.choose import XLA_PAYS_FROM_STEPS, choose_engine, expected_steps
from hpcsweep.training.engines.measure import Trial, least_step_s, trial_of
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.protocol import DeviceData, StackedProgram
from hpcsweep.training.run_protocol import RunHandle

STACK_MUST_GAIN = 1.05  # else what was measured may be chance
MAY_SAVE = {"own": 0.2, "shared": 0.5}  # of the time of the runs alone at most, by the order of the data; as measured
TRIAL_S = 5.0  # compiling a small net for both ways, and measuring them; as measured


@dataclass(frozen=True)
class Verdict:
    """Whether a stack pays, and why."""

    pays: bool
    reason: str


def judge_stack(
    run: RunHandle, setup: Setup, members: int, make: Callable[[], tuple[StackedProgram, DeviceData]]
) -> Verdict:
    """Say whether `members` runs like `run` shall train as the stack that `make` compiles; its state is lost.

    Decided once for an architecture, size of stack and device in a store. Raises UsageError as `make` does.
    """
    if setup.key is None:
        return Verdict(False, "the model has parts that are not Keras's own, so a stack of it cannot be used again")
    where = f"{keras.config.backend()}/{backend().device_name()}"
    key = f"stack/{where}/{members}/{run.stack_order}/{setup.key}"
    decided = run.decide(key, lambda: vars(_measured(run, setup, members, make)))
    return Verdict(decided["pays"], decided["reason"])


def _measured(
    run: RunHandle, setup: Setup, members: int, make: Callable[[], tuple[StackedProgram, DeviceData]]
) -> Verdict:
    steps = expected_steps(run, setup)
    if steps < XLA_PAYS_FROM_STEPS:
        return Verdict(False, f"{steps} steps of such runs are too few to pay for compiling a stack of {members}")
    one = trial_of(setup, choose_engine(run, setup, "auto", None).program)
    whole_s = steps * least_step_s([one])[0]
    if whole_s * MAY_SAVE[run.stack_order] < TRIAL_S:
        return Verdict(False, f"{steps} steps of such runs take {whole_s:.1f} s alone, too few to pay for a stack")
    stack, data = make()
    order = np.zeros((1 if run.stack_order == "shared" else members, setup.data.examples), dtype=np.int32)
    all_ = Trial(lambda count: stack.advance_part(data, order, 0, count), one.clock, one.most_batches)
    alone_s, stack_s = least_step_s([one, all_])
    pays = members * alone_s > STACK_MUST_GAIN * stack_s
    together = f"{1e3 * stack_s:.6f} ms per step of {members} runs in a stack"
    return Verdict(pays, f"measured: {together}, {1e3 * alone_s:.6f} ms per step of one")
