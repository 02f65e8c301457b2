"""Which engine trains a run: what is asked for, what a checkpoint demands, or the fastest that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpcsweep.errors import UsageError, nearest
from hpcsweep.training.handle import RunHandle
from hpcsweep.training.programs import Setup

ENGINES = ("auto", "fit", "compiled", "compiled-xla", "stacked")


@dataclass(frozen=True)
class Choice:
    """An engine, and why."""

    engine: str
    reason: str


def choose_engine(run: RunHandle, setup: Setup, asked: str, saved: dict[str, Any] | None) -> Choice:
    """Return the engine for a run. A checkpoint's engine is kept, for engines differ in the last bits."""
    if asked not in ENGINES:
        raise UsageError(f"engine is {asked!r}{nearest(asked, ENGINES)}; expected one of {', '.join(ENGINES)}")
    if saved is not None:
        return Choice(saved["engine"], "the engine of the checkpoint that this run goes on from")
    if setup.callbacks:
        return Choice("fit", "Keras callbacks need it")
    if setup.model.run_eagerly:
        return Choice("fit", "the model is compiled with run_eagerly")
    if asked in ("auto", "stacked"):
        return Choice("compiled", "the numbers of model.fit, without its overhead")
    return Choice(asked, "asked for")
