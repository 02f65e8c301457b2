"""Study rule of thumb: halve the learning rate until the loss stops diverging."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpcsweep.errors import JobError
from hpcsweep.training.keras_private import learning_rate_of
from hpcsweep.training.loops.single import Loop
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.variables import State

HALVED = "learning_rate"


def train_through_divergence(loop: Loop, epochs: int, model: Any, initial: State) -> bool:
    """Train to the end, starting afresh with half the learning rate as often as the sweep allows where it diverges.

    False if a request to stop came first. Every attempt that diverged is recorded as `divergences`.
    """
    times = allowed_times(loop.run)
    while loop.train(epochs):
        if not loop.run.diverged or len(loop.divergences) >= times:
            if loop.divergences:
                loop.run.record(divergences=loop.divergences)
            return True
        begin_again(loop, model, initial, loop.epoch)
    return False


def begin_again(loop: Loop, model: Any, initial: State, diverged_at: int) -> None:
    """Start from the fresh model with half the learning rate of the attempt that diverged at that epoch."""
    name = _learning_rate_name(model)
    rate = float(initial[name]) / 2 ** len(loop.divergences)
    loop.divergences.append({HALVED: rate, "epoch": diverged_at})
    loop.run.restart()
    loop.start({**initial, name: np.asarray(rate / 2, dtype=initial[name].dtype)})


def allowed_times(run: RunHandle) -> int:
    """Return how often the sweep allows a run to begin again; JobError if it would halve what cannot be halved."""
    rule = run.on_divergence
    if not rule:
        return 0
    if rule.get("halve") != HALVED:
        raise JobError(f'on_divergence: halve is {rule.get("halve")!r}; a Keras job can halve "{HALVED}"')
    return int(rule.get("times", 5))


def _learning_rate_name(model: Any) -> str:
    """Return the state's name of the learning rate; JobError if it is a schedule, which has no one number to halve."""
    rate = learning_rate_of(model.optimizer)
    for index, variable in enumerate(model.optimizer.variables):
        if variable is rate:
            return f"optimizer/{index}"
    raise JobError("on_divergence: the optimizer's learning rate is a schedule; expected a plain number to halve")
