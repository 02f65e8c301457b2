"""The worker: claims, training of trajectories, and the `run` that a job function is given."""

from hpcsweep.worker.run.handle import RunHandle
from hpcsweep.worker.work_loop import work

__all__ = ["RunHandle", "work"]
