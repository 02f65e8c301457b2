"""Work in forked children: what one leaves behind, and what kills it, ends with it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hpcsweep.machine import gb_of, zip_equal
from hpcsweep.worker.process.output import warn
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
    """Call `work` in a forked child, as `in_children` does."""
    return in_children([work], stop)[0]


def in_children(works: Sequence[Callable[[], Any]], stop: Stop) -> list[Ended]:
    """Call each of `works` in a forked child of its own, wait until all have ended, and return what they returned.

    That must be what JSON can hold. A signal that asks this process to stop is passed on; the children die with this
    process, and what they have started ends with the last of them.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    adopt_orphans()
    others = set(children())
    started = [_start(work) for work in works]
    try:
        ended = _wait([child for child, _ in started], stop)
        end_children(others)
        answers = [_answer(reads) for _, reads in started]
        return [Ended(answer, *ended[child]) for (child, _), answer in zip_equal(started, answers)]
    finally:
        for _, reads in started:
            os.close(reads)


def _start(work: Callable[[], Any]) -> tuple[int, int]:
    """Fork; return the id of the child, and where its answer is read."""
    reads, writes = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(reads)
        _be_child(work, writes, parent)
    os.close(writes)
    return child, reads


def _be_child(work: Callable[[], Any], writes: int, parent: int) -> None:
    code = 1
    try:
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        adopt_orphans()
        if os.getppid() == parent:
            os.write(writes, json.dumps(work()).encode())
            code = 0
    except BaseException:
        warn(traceback.format_exc().rstrip())
    finally:
        with suppress(ValueError, OSError):  # closed by a job
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(started: Sequence[int], stop: Stop) -> dict[int, tuple[int, float]]:
    """Return the status and the memory of each child by its id."""
    ended: dict[int, tuple[int, float]] = {}
    told = False
    while True:
        for child in started:
            if child not in ended and (found := os.wait4(child, os.WNOHANG))[0]:
                ended[child] = found[1], round(gb_of(found[2].ru_maxrss), 2)
        if len(ended) == len(started):
            return ended
        if stop.signal is not None and not told:
            for child in started:
                if child not in ended:
                    os.kill(child, stop.signal)
            told = True
        time.sleep(POLL_S)


def _answer(reads: int) -> Any:
    os.set_blocking(reads, False)  # a process that the child has left behind may keep the pipe open
    try:
        return json.loads(os.read(reads, _LONGEST_ANSWER))
    except (BlockingIOError, ValueError):
        return None
