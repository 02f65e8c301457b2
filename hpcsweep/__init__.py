"""Parameter sweeps of any Python function on a SLURM cluster or one machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__version__ = "0.1.0"

Function = TypeVar("Function", bound=Callable[..., Any])


def job_options(*, shares_epochs: bool = True) -> Callable[[Function], Function]:
    """Declare how a job may be run; the function itself is returned unchanged.

    `shares_epochs=False`: the job depends on the total of its `epochs` (a learning rate that decays towards the last
    epoch, say), so a run of 10 epochs is not the start of one of 50, and each is trained from its own fresh model.
    The planner reads the decorator from the job's text, without importing the job; so write True or False.
    """

    def unchanged(function: Function) -> Function:
        return function

    return unchanged
