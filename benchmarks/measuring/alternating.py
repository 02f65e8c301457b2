"""Measuring several ways of the same work in turn, since a machine's speed changes from minute to minute."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LEAST_S = 0.5  # a shorter measurement says more about the machine's other work than about ours


@dataclass(frozen=True)
class Took:
    """Wall and processor seconds of some units (epochs) of work."""

    units: float
    seconds: float
    processor_seconds: float


class Stopwatch:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._began, self._began_processor = time.perf_counter(), time.process_time()

    def took(self, units: float) -> Took:
        """Return what the work since then took."""
        return Took(units, time.perf_counter() - self._began, time.process_time() - self._began_processor)


@dataclass
class Side:
    """One way of doing the work: `action` does some of it and says what it took."""

    name: str
    action: Callable[[], Took]
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Do the work for at least half a second; keep wall and processor seconds a unit."""
        took: list[Took] = []
        while sum(one.seconds for one in took) < LEAST_S:
            took.append(self.action())
        units = sum(one.units for one in took)
        self.seconds.append(sum(one.seconds for one in took) / units)
        self.processor_seconds.append(sum(one.processor_seconds for one in took) / units)


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as the baseline: the ratio of medians, and the range of the pairwise ratios."""

    median: float
    low: float
    high: float
    processor: float

    def __str__(self) -> str:
        """Return it for a table."""
        return f"{self.median:6.1f}x  {self.low:5.1f}-{self.high:<5.1f}  {self.processor:6.1f}x"


def measure_alternately(sides: list[Side], rounds: int) -> None:
    """Let every side work once for the compiler and the caches, then measure all of them in each round."""
    for side in sides:
        side.action()
    for _ in range(rounds):
        for side in sides:
            side.measure()


def ratio(baseline: Side, side: Side) -> Ratio:
    """Compare two sides that were measured in the same rounds."""
    pairs = [base / ours for base, ours in zip(baseline.seconds, side.seconds, strict=True)]
    processor = statistics.median(baseline.processor_seconds) / statistics.median(side.processor_seconds)
    medians = statistics.median(baseline.seconds) / statistics.median(side.seconds)
    return Ratio(medians, min(pairs), max(pairs), processor)
