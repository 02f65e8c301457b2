"""Faults of the machine, which are no failures of a run: a full disk, a file server that is gone, missing rights.

What a worker writes is tried again for a few seconds. If that does not help, the run pauses: its claim is given back,
and the same command continues it when the machine is well again.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

from hpcsweep.worker.endings import Ending
from hpcsweep.worker.error_causes import message_of

ANYWHERE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EREMOTEIO))
IN_STORE = frozenset(
    (errno.EROFS, errno.EACCES, errno.EPERM, errno.ETIMEDOUT, errno.ENOLCK, errno.EAGAIN, errno.EBUSY, errno.ENFILE,
     errno.ELOOP, errno.ENXIO)
)  # fmt: skip
"""Of a job's own files, these are the affair of the job. The last two: a link or a pipe lies where a file belongs."""
WAITS_S = (0.1, 0.4, 1.5)  # before a call is tried again
PAUSES_S = (0.5, 1.0, 2.0, 4.0)  # after a run that met a fault, before the next; then the worker ends
_WORDS = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE))

T = TypeVar("T")


def is_fault(error: BaseException, store: Path) -> bool:
    """Whether an error, or one that it was raised from, is a fault of the machine and not of what was run on it.

    Libraries wrap errors of the system, some of them in words alone.
    """
    return any(_is_fault(one, store) for one in _chain(error))


def patiently(store: Path, action: Callable[[], T]) -> T:
    """Return what `action` returns; if it meets a fault, try it again a few times. It must bear to be called again."""
    for wait_s in WAITS_S:
        try:
            return action()
        except OSError as error:
            if not is_fault(error, store):
                raise
            time.sleep(wait_s)
    return action()


class Pauses:
    """How long a worker waits after each fault in a row, and when it has waited enough."""

    def __init__(self) -> None:
        self._faults = 0

    def over(self, endings: Collection[Ending]) -> bool:
        """Wait if one of these turns ended by a fault; True if the last of several waits in a row is over."""
        if Ending.FAULT not in endings:
            self._faults = 0 if endings else self._faults
        elif self._faults == len(PAUSES_S):
            return True
        else:
            time.sleep(PAUSES_S[self._faults])
            self._faults += 1
        return False


def _is_fault(error: BaseException, store: Path) -> bool:
    if isinstance(error, OSError) and error.errno in ANYWHERE:
        return True
    if isinstance(error, OSError) and error.errno in IN_STORE and error.filename is not None:
        return Path(os.fsdecode(error.filename)).absolute().is_relative_to(store)
    return any(words in message_of(error) for words in _WORDS)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__
