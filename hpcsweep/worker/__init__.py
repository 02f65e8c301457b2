"""Question 3a: who does it? The worker: claims, training of trajectories, and the `run` that a job function is given.

What starts workers imports `work_loop` or `work_until` (until a time), `claiming` (what is open), `stop_request`,
`endings` and `process`.
"""

from hpcsweep.worker.run.handle import RunHandle
from hpcsweep.worker.work_loop import work

__all__ = ["RunHandle", "work"]
