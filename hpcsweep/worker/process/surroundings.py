"""What a job may change in its process, and how the process is made fit for the next run."""

from __future__ import annotations

import ctypes
import locale
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpcsweep.worker.process import ticker

_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER of prctl(2): when a child ends, its children become ours
_GRACE_S = 1.0  # for threads and processes that are about to end
_POLL_S = 0.01


class Surroundings:
    """What a job can change in this process, as it is after the job's code is loaded and before any run."""

    def __init__(self) -> None:
        self._fixed = _fixed()
        self._noted = False

    def note(self) -> None:
        """Note what the process is like now, including whatever the job's file did when it was imported."""
        self._folder = Path.cwd()
        self._umask = _umask()
        self._environment = dict(os.environ)
        self._import_path = list(sys.path)
        self._locale = locale.setlocale(locale.LC_ALL)
        self._handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._recursion_limit = sys.getrecursionlimit()
        self._threads = set(threading.enumerate())
        self._noted = True

    def restore(self) -> list[str]:
        """Put back what can be put back, end what the job left running, and name what cannot be undone.

        If anything is named, the process is not fit for another run.
        """
        if not self._noted:
            return []
        with suppress(OSError):
            os.chdir(self._folder)
        os.umask(self._umask)
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        sys.path[:] = self._import_path
        with suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, self._locale)
        self._restore_handlers()
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.excepthook = sys.__excepthook__
        sys.setrecursionlimit(self._recursion_limit)
        now = _fixed()
        changed = [name for name in now if now[name] != self._fixed[name]]
        closed = [f"closed {stream.name}" for stream in self._streams if stream is not None and stream.closed]
        return [*self._left_running(), *changed, *closed]

    def _restore_handlers(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._handlers.items():
            # None: a handler that was not installed from Python, and that Python cannot put back
            if handler is not None and signal.getsignal(number) is not handler:
                with suppress(OSError, ValueError):
                    signal.signal(number, handler)

    def _left_running(self) -> list[str]:
        """Wait a moment for threads and processes to end; then name the threads, and end and name the processes."""
        until = time.monotonic() + _GRACE_S
        while self._new_threads() or children():
            if time.monotonic() >= until:
                break
            time.sleep(_POLL_S)
        else:
            return []
        found = [f"thread {thread.name}" for thread in self._new_threads()]
        return found + [f"process {pid}" for pid in end_children(set())]

    def _new_threads(self) -> list[threading.Thread]:
        # Threads of native libraries that once called Python are listed for ever, as dummies.
        started = set(threading.enumerate()) - self._threads
        return [one for one in started if not isinstance(one, threading._DummyThread) and one.name != ticker.NAME]


def adopt_orphans() -> None:
    """Become the parent of whatever a job leaves running, so that it is found and ended."""
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1)


def children() -> list[int]:
    """Return the ids of the processes that this one started or adopted and that still run."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return [pid for pid in found if _runs(pid)]


def end_children(spared: set[int]) -> list[int]:
    """Kill all processes that this one started or adopted, except `spared`, and what they leave; return their ids."""
    ended: list[int] = []
    while running := [pid for pid in children() if pid not in spared]:
        for pid in running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        ended += running
    return ended


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _fixed() -> dict[str, Any]:
    """Return what a process without privileges cannot put back, by the names that people are told."""
    return {
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "stdin": _file(0),
        "stdout": _file(1),
        "stderr": _file(2),
    }


def _file(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
