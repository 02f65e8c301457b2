"""`isolation = "process"`: each trajectory in a child, forked after the imports, for jobs that keep state of their own.

The fork comes after TensorFlow is imported and before any device is used: a child costs a hundredth of an import, and
whatever a job leaves behind in its process, or whatever kills it, ends with the child.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

from hpcsweep.store import Failure
from hpcsweep.store.claims import Claim
from hpcsweep.store.records import write_failure
from hpcsweep.worker.stop import Stop
from hpcsweep.worker.trajectory import Ending

ENDINGS: tuple[Ending, ...] = ("done", "paused", "failed", "lost")
POLL_S = 0.02


def train_in_child(train: Callable[[], Ending], claim: Claim, stop: Stop) -> Ending:
    """Call `train` in a forked child and return how it ended; a child that is killed is a failure with that cause."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _be_child(train)
    status = _wait(child, stop)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) < len(ENDINGS):
        return ENDINGS[os.WEXITSTATUS(status)]
    write_failure(claim.folder, Failure(*_death(status), "", claim.generation, time=time.time()))
    claim.give_back()
    return "failed"


def _be_child(train: Callable[[], Ending]) -> None:
    code = len(ENDINGS)
    try:
        code = ENDINGS.index(train())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, stop: Stop) -> int:
    """Wait for the child, and pass a request to stop on to it, once."""
    told = False
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        if stop.requested and not told:
            os.kill(child, signal.SIGTERM)
            told = True
        time.sleep(POLL_S)


def _death(status: int) -> tuple[str, str]:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = " (out of memory?)" if number == signal.SIGKILL else ""
        return "killed", f"the run's process was ended by {signal.Signals(number).name}{hint}"
    return "exited", f"the run's process ended itself with exit code {os.WEXITSTATUS(status)}"
