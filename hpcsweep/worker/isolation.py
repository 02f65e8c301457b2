"""`isolation = "process"`: each trajectory in a child, forked after the imports, for jobs that keep state of their own.

The fork comes after TensorFlow is imported and before any device is used, so it costs a hundredth of an import.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

from hpcsweep.store.claims import Claim
from hpcsweep.worker.endings import Ending
from hpcsweep.worker.process.child import in_child
from hpcsweep.worker.process.death import death_of, record_death
from hpcsweep.worker.stop_request import Stop


def train_in_child(train: Callable[[], Ending], claim: Claim, stop: Stop) -> Ending:
    """Call `train` in a forked child and return how it ended; the death of the child is a failure with that cause."""
    ended = in_child(train, stop)
    if ended.answer is not None:
        return Ending(ended.answer)
    if stop.requested:
        return Ending.PAUSED
    death = death_of(ended.status)
    hint = " (out of memory?)" if death.signal == signal.SIGKILL else ""
    record_death(claim, death, ended.memory_gb, hint)
    return Ending.FAILED
