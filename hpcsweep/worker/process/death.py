"""How a process that trained has died, and what that means for the trajectories that it trained."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from hpcsweep.store import Failure
from hpcsweep.store.causes import Cause
from hpcsweep.store.claims import Claim
from hpcsweep.store.results import write_failure

CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP)


@dataclass(frozen=True)
class Death:
    """How a process ended that should have answered: by a signal, or otherwise with an exit code."""

    signal: int | None
    exit_code: int

    @property
    def cause(self) -> Cause:
        """What people can do about it depends on this."""
        if self.signal is None:
            return Cause.EXITED
        return Cause.CRASHED if self.signal in CRASHES else Cause.KILLED

    @property
    def words(self) -> str:
        """What happened, as the end of a sentence about the run's process."""
        if self.signal is None:
            return f"ended itself with exit code {self.exit_code}"
        return f"was ended by {signal_name(self.signal)}"


def death_of(status: int) -> Death:
    """Return the death that a status of waitpid(2) describes."""
    if os.WIFSIGNALED(status):
        return Death(os.WTERMSIG(status), 0)
    return Death(None, os.WEXITSTATUS(status))


def record_death(claim: Claim, death: Death, memory_gb: float, hint: str = "") -> None:
    """Record that an attempt failed by the death of its process, which had used so much, and give its claim back."""
    message = f"the run's process {death.words}{hint}"
    failure = Failure(death.cause, message, "", claim.generation, time=time.time(), memory_gb=memory_gb)
    write_failure(claim.folder, failure)
    claim.give_back()


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have numbers only
        return f"signal {number}"
