"""Work in a forked child: what it leaves behind, and what kills it, ends with it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hpcsweep.machine import gb_of
from hpcsweep.worker.process.output import say
from hpcsweep.worker.process.surroundings import adopt_orphans, children, end_children
from hpcsweep.worker.stop_request import Stop

POLL_S = 0.02
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_LONGEST_ANSWER = 65536  # bytes that a pipe holds while nobody reads it


@dataclass(frozen=True)
class Ended:
    """What a child answered (None if it died before that), its status as waitpid(2) gives it, and its most memory."""

    answer: Any
    status: int
    memory_gb: float


def in_child(work: Callable[[], Any], stop: Stop) -> Ended:
    """Call `work` in a forked child, wait for its end, and return what it returned, which JSON must be able to hold.

    A signal that asks this process to stop is passed on; the child dies with this process, and what the child has
    started ends with it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    adopt_orphans()
    others = set(children())
    reads, writes = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reads)
        _be_child(work, writes, parent)
    os.close(writes)
    try:
        status, memory_gb = _wait(child, stop)
        end_children(others)
        os.set_blocking(reads, False)  # a process that the child has left behind may keep the pipe open
        return Ended(_answer(reads), status, memory_gb)
    finally:
        os.close(reads)


def _be_child(work: Callable[[], Any], writes: int, parent: int) -> None:
    code = 1
    try:
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        adopt_orphans()
        if os.getppid() == parent:
            os.write(writes, json.dumps(work()).encode())
            code = 0
    except BaseException:
        say(traceback.format_exc())
    finally:
        with suppress(ValueError, OSError):  # closed by a job
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(child: int, stop: Stop) -> tuple[int, float]:
    told = False
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            return status, round(gb_of(used.ru_maxrss), 2)
        if stop.signal is not None and not told:
            os.kill(child, stop.signal)
            told = True
        time.sleep(POLL_S)


def _answer(reads: int) -> Any:
    try:
        return json.loads(os.read(reads, _LONGEST_ANSWER))
    except (BlockingIOError, ValueError):
        return None
