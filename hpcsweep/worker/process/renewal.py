"""A process that has grown too big is renewed: TensorFlow keeps memory of every architecture that it has traced.

A worker of a Keras job trains in a child. When the child has grown by more than its bound since its first trajectory,
it ends between two trajectories, and the worker forks another. The worker itself imports no Keras and uses no device,
so the fork is safe with any backend and on GPUs, and nobody outside (SLURM, submitit, `hpcsweep run`) notices: the
process that they started stays, takes their signals and answers for the whole.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

from hpcsweep.machine import memory_gb_a_core
from hpcsweep.worker.pace import Pace
from hpcsweep.worker.process.child import in_child
from hpcsweep.worker.stop_request import Stop

MOST_GROWTH_GB = 4.0
SHARE = 0.5  # of the memory that there is for a core
TOO_BIG = "too big"  # beside how trajectories ended: the process wants to be renewed


class Growth:
    """How much this process has grown since it was first asked about."""

    def __init__(self, bound_gb: float | None) -> None:
        """Take the bound, else 4 GB, or half of what the machine has for a core if that is less."""
        self._bound_gb = bound_gb or min(MOST_GROWTH_GB, SHARE * memory_gb_a_core())
        self._first_gb: float | None = None

    def is_too_big(self) -> bool:
        """Whether the process has grown by more than its bound."""
        now_gb = _resident_gb()
        if self._first_gb is None:
            self._first_gb = now_gb
        return now_gb - self._first_gb > self._bound_gb


def drain_in_children(drain: Callable[[Pace], Counter[str]], pace: Pace, stop: Stop) -> Counter[str]:
    """Call `drain` in one child after the other, until one does not end because it is too big; sum up the endings.

    A child that dies takes this process with it, in the same way: whoever watches sees the death that happened.
    """
    endings: Counter[str] = Counter()
    while True:
        ended = in_child(lambda: _answer(drain, pace), stop)
        if ended.answer is None:
            _die_alike(ended.status)
        now = Counter(ended.answer["endings"])
        pace.learn(ended.answer["slowest_start_s"])
        if not now.pop(TOO_BIG, 0):
            pace.later, pace.too_short = ended.answer["left"]
            return endings + now
        endings.update(now)


def _answer(drain: Callable[[Pace], Counter[str]], pace: Pace) -> dict[str, Any]:
    endings = drain(pace)
    return {"endings": endings, "slowest_start_s": pace.slowest_start_s, "left": [pace.later, pace.too_short]}


def _die_alike(status: int) -> None:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    raise SystemExit(os.WEXITSTATUS(status) or 1)


def _resident_gb() -> float:
    with open("/proc/self/statm") as file:  # proc_pid_statm(5): the second number is that of resident pages
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9
