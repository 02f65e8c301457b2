"""One thread that does what a process must do now and then: a thread per run would cost as much as a tiny run."""

from __future__ import annotations

import math
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

NAME = "hpcsweep"  # of the thread
Action = Callable[[], "float | None"]
"""Does something, and returns after how many seconds to do it again; None if never."""


@dataclass(eq=False)
class _Task:
    action: Action
    due: float
    is_over: bool = False
    at_work: threading.Lock = field(default_factory=threading.Lock)


class _Ticker:
    """The thread of one process, and what it is to do."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._tasks: list[_Task] = []
        self._changed = threading.Condition()
        self._wakes = math.inf
        threading.Thread(target=self._run, name=NAME, daemon=True).start()

    def add(self, task: _Task) -> None:
        with self._changed:
            self._tasks.append(task)
            if task.due < self._wakes:
                self._changed.notify()

    def remove(self, task: _Task, patience_s: float) -> None:
        task.is_over = True
        with self._changed:
            self._tasks.remove(task)
        if task.at_work.acquire(timeout=patience_s):
            task.at_work.release()

    def _run(self) -> None:
        while True:
            task = self._next()
            with task.at_work:
                if not task.is_over:
                    task.due = time.monotonic() + self._do(task)

    def _next(self) -> _Task:
        """Wait until something is due."""
        with self._changed:
            while True:
                first = min(self._tasks, key=lambda task: task.due, default=None)
                self._wakes = first.due if first else math.inf
                if first and first.due <= time.monotonic():
                    return first
                self._changed.wait(None if math.isinf(self._wakes) else max(self._wakes - time.monotonic(), 0.0))

    def _do(self, task: _Task) -> float:
        try:
            again_s = task.action()
        except Exception:  # what goes wrong with one of them shall not end the others
            traceback.print_exc()
            again_s = None
        return math.inf if again_s is None else again_s


_tickers: list[_Ticker] = []


@contextmanager
def now_and_then(action: Action, first_s: float, patience_s: float = -1) -> Iterator[None]:
    """Let `action` be done during the block, for the first time after `first_s`, in another thread.

    The block ends when it is not at work, or `patience_s` later.
    """
    task, ticker = _Task(action, time.monotonic() + first_s), _ticker()
    ticker.add(task)
    try:
        yield
    finally:
        if ticker.process == os.getpid():  # and not in a process that was forked meanwhile, which has no such thread
            ticker.remove(task, patience_s)


def _ticker() -> _Ticker:
    if not _tickers or _tickers[-1].process != os.getpid():
        _tickers[:] = [_Ticker()]
    return _tickers[-1]
