"""The worker: claims, training of trajectories, and the `run` that a job function is given."""

from hpcsweep.worker.drain import work
from hpcsweep.worker.handle import RunHandle

__all__ = ["RunHandle", "work"]
