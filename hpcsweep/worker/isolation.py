"""`isolation = "process"`: each trajectory in a child, forked after the imports, for jobs that keep state of their own.

The fork comes after TensorFlow is imported and before any device is used: a child costs a hundredth of an import.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import cast

from hpcsweep.store import Failure
from hpcsweep.store.claims import Claim
from hpcsweep.store.results import write_failure
from hpcsweep.worker.process.child import in_child
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.trajectory import Ending


def train_in_child(train: Callable[[], Ending], claim: Claim, stop: Stop) -> Ending:
    """Call `train` in a forked child and return how it ended; a child that is killed is a failure with that cause."""
    ended = in_child(train, stop)
    if ended.answer is not None:
        return cast(Ending, ended.answer)
    write_failure(claim.folder, Failure(*_death(ended.status), "", claim.generation, time=time.time()))
    claim.give_back()
    return "failed"


def _death(status: int) -> tuple[str, str]:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = " (out of memory?)" if number == signal.SIGKILL else ""
        return "killed", f"the run's process was ended by {signal.Signals(number).name}{hint}"
    return "exited", f"the run's process ended itself with exit code {os.WEXITSTATUS(status)}"
