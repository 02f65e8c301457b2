"""One cell of a table: the numbers of its finished runs, and the states of the others."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hpcsweep.statistics.robust import interquartile_mean, median_interval
from hpcsweep.store.states import COUNTED, RunState

MIXED = "†"
"""Marks a cell whose runs were not made alike."""
KINDS = {
    "mean": "mean ± sample standard deviation (n runs)",
    "ci": "median [interval that holds the median of all possible seeds, 93 % or more] (n runs)",
    "median": "median (n runs)",
    "iqm": "interquartile mean, that of the middle half (n runs)",
    "range": "median [smallest, largest] (n runs)",
    "min": "smallest (n runs)",
    "max": "largest (n runs)",
}


@dataclass(frozen=True)
class Cell:
    """The runs of one row and column, for one value.

    `numbers` are those of the runs that are done. `states` counts all runs of the cell by state; it is empty if the
    sweep has none there. `unreached` counts the done runs that never reached a threshold. `mixed` has what the runs
    were made by where that differs: of versions of the code, sets of data and of libraries, those found.
    """

    numbers: tuple[float, ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    unreached: int = 0
    mixed: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many runs the numbers come from."""
        return len(self.numbers)

    @property
    def total(self) -> int:
        """How many runs the sweep has here."""
        return sum(self.states.values())

    @cached_property
    def mean(self) -> float | None:
        """The arithmetic mean; None without runs."""
        return math.fsum(self.numbers) / self.n if self.n and _finite(self.numbers) else _sum(self.numbers)

    @cached_property
    def std(self) -> float | None:
        """The sample standard deviation, with n - 1 in the denominator; None for fewer than two runs."""
        if self.n < 2:
            return None
        return statistics.stdev(self.numbers) if _finite(self.numbers) else math.nan

    def number(self, kind: str) -> float | None:
        """Return the number that stands for the cell: its mean, median, interquartile mean, smallest or largest."""
        if not self.n or kind == "mean":
            return self.mean
        if kind in ("median", "range", "ci"):
            return statistics.median(self.numbers)
        if kind == "iqm":
            return interquartile_mean(self.numbers)
        return min(self.numbers) if kind == "min" else max(self.numbers)

    def bounds(self, kind: str) -> tuple[float, float] | None:
        """Return the interval that a cell of this kind shows: [smallest, largest], or that of the median."""
        if kind == "range" and self.n > 1:
            return min(self.numbers), max(self.numbers)
        return median_interval(self.numbers) if kind == "ci" else None

    def missing(self) -> str:
        """Return why there is no number, in words such as "failed"; an empty text if there is one."""
        if self.n:
            return ""
        if not self.states:
            return "not in sweep"
        if self.unreached:
            return "not reached"
        names = [state for state in self.states if state not in COUNTED]
        return " + ".join("missing" if state == RunState.NEW else state for state in names) or "no value"


def _finite(numbers: tuple[float, ...]) -> bool:
    return all(map(math.isfinite, numbers))


def _sum(numbers: tuple[Any, ...]) -> float | None:
    return sum(numbers) if numbers else None
