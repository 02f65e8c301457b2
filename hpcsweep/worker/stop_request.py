"""When a worker is to stop: on a signal, or before its time is up. The handler only sets a flag."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

REMEMBERED = 4  # intervals: only a few, since the first ones of a run include imports and compilation
ASK_EVERY_S = 1.0
LARGEST_LAG = 0.25  # of the whole time
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)


@dataclass
class Stop:
    """A request to stop, looked at between compiled calls.

    `ends` is the end of the wall time by `clock`, in seconds; `margin_s` is how long before it a worker must have begun
    to stop. Within `early_s` of the end SIGUSR2 is SLURM's warning, which may come a minute early: since the end is
    known, the rest of the time is still used.

    `is_abandoned` says whether nobody waits for the worker any more; it is asked at most once per second.

    Work that looks here only every ten seconds begins to stop up to ten seconds late. So the longest of the latest
    intervals is added to the margin, up to a quarter of the whole time.
    """

    ends: float = float("inf")
    margin_s: float = 0.0
    early_s: float = 0.0
    is_abandoned: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    signal: int | None = field(default=None, init=False)
    _insisted: int = field(default=0, init=False)
    _intervals_s: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED), init=False)

    def __post_init__(self) -> None:
        self._looked = self._asked = self.clock()
        self._was_abandoned = False
        self._whole_s = self.remaining_s

    def listen(self) -> None:
        """Take over the signals that ask a worker to stop, submitit's own handlers included.

        Whoever started us has held back ctrl-C until now: it arrives here.
        """
        for number in SIGNALS:
            signal.signal(number, self._take)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    @property
    def remaining_s(self) -> float:
        """Seconds until the wall time ends; infinite if there is no limit."""
        return self.ends - self.clock()

    @property
    def requested(self) -> bool:
        """Whether to stop now."""
        now = self.clock()
        self._intervals_s.append(now - self._looked)
        self._looked = now
        lag_s = min(max(self._intervals_s), self._whole_s * LARGEST_LAG)
        return self.signal is not None or self._abandoned(now) or self.remaining_s <= self.margin_s + lag_s

    def _abandoned(self, now: float) -> bool:
        if not self._was_abandoned and now - self._asked >= ASK_EVERY_S:
            self._asked = now
            self._was_abandoned = self.is_abandoned()
        return self._was_abandoned

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGUSR2 and self.remaining_s < self.early_s:
            return
        self.signal = number
        if number in (signal.SIGINT, signal.SIGTERM):
            self._insisted += 1
        # One ctrl-C arrives twice (from the terminal, and passed on by the command); a third means "at once".
        if self._insisted >= 3:
            os._exit(130)
