"""Question 3a: who does it? The worker: claims, training of trajectories, and the `run` that a job function is given.

What starts workers imports `team` or `work_until` (until a time), `claiming` (what is open), `stop_request`,
`endings` and `process`. `RunHandle` is for the annotations of jobs; it is loaded when it is asked for, since it needs
NumPy, whose import is a fifth of what `status` takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpcsweep.worker.run.handle import RunHandle as RunHandle

__all__ = ["RunHandle"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hpcsweep.worker.run.handle import RunHandle

    return RunHandle
