"""What `submit`, `resume` and `scale` return: the arrays that were sent."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsweep.errors import to_type
from hpcsweep.launch.html import page
from hpcsweep.store import Store
from hpcsweep.store.opening import words_of_sweep
from hpcsweep.sweep.load import Sweep


@dataclass(frozen=True)
class Submitted:
    """The arrays that were sent to SLURM, in the order in which they will run; none if there are workers enough.

    `living` workers were there before, and take what was added too.
    """

    sweep: Sweep
    store: Store
    arrays: tuple[str, ...] = ()
    workers: int = 0
    trajectories: int = 0
    living: int = 0

    def in_words(self) -> str:
        """Return what was sent, as a line for people; empty if nothing was."""
        if not self.arrays:
            return ""
        what = f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        what += f" ({self.workers + self.living} with those that live)" if self.living else ""
        trajectories = f"{self.trajectories} trajector{'ies' if self.trajectories > 1 else 'y'}"
        see = to_type("status", *words_of_sweep(self.sweep, self.store))
        return f"array {' -> '.join(self.arrays)}: {what} for {trajectories}; see: {see}"

    def _repr_html_(self) -> str:
        return page(self.in_words() or "nothing to submit")
