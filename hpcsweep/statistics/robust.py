"""Summaries that a few bad runs do not move, and an interval that assumes nothing of how numbers are spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from hpcsweep.metrics import Direction

COVERAGE = 0.93
MIN_RUNS = 5  # the smallest and largest of five hold the median in 1 - 2 / 2**5 = 93.75 % of cases; of four, in 87.5 %
FAR = 10.0  # times the typical distance from the median
ROUNDING = 1e-6


def interquartile_mean(numbers: Sequence[float]) -> float:
    """Return the mean of the middle half, of which the numbers at its edges count in part; NaN without numbers.

    As in Agarwal et al. 2021 (rliable), it is moved less by single numbers than the mean, and varies less than the
    median.
    """
    if not numbers or not all(map(math.isfinite, numbers)):
        return math.nan
    ordered, quarter = sorted(numbers), len(numbers) / 4
    weights = [min(max(min(n + 1, 3 * quarter) - max(n, quarter), 0.0), 1.0) for n in range(len(ordered))]
    return math.fsum(w * x for w, x in zip(weights, ordered, strict=True)) / math.fsum(weights)


def median_interval(numbers: Sequence[float]) -> tuple[float, float] | None:
    """Return two of the numbers that hold the median of all possible runs with a confidence of at least 93 %.

    This assumes nothing but that runs are independent, and never leaves the range of the numbers. None for fewer than
    five, with which that cannot be had.
    """
    if len(numbers) < MIN_RUNS or any(map(math.isnan, numbers)):
        return None
    from scipy.special import bdtr

    ordered, count = sorted(numbers), len(numbers)
    inner = [at for at in range(count // 2) if 2 * float(bdtr(at, count, 0.5)) <= 1 - COVERAGE]
    return ordered[inner[-1]], ordered[count - 1 - inner[-1]]


def typical_distance(settings: Iterable[Sequence[float]]) -> float:
    """Return how far a run usually is from the median of its setting: the median over settings of that distance."""
    known = [distance for numbers in settings if (distance := _distance(numbers)) is not None]
    return statistics.median(known) if known else 0.0


def count_far_worse(numbers: Sequence[float], better: Direction | None, typical: float) -> int:
    """Return how many runs of a setting are so much worse than its median that luck does not explain it.

    That is, by more than 10 times the `typical_distance` of all settings, and its own. Of two runs, none is.
    """
    return sum(far_worse(numbers, better, typical))


def far_worse(numbers: Sequence[float], better: Direction | None, typical: float) -> list[bool]:
    """Return which of a setting's runs `count_far_worse` counts."""
    own = _distance(numbers)
    if own is None or better is None:
        return [False] * len(numbers)
    middle = statistics.median(numbers)
    far = FAR * max(own, typical, ROUNDING * abs(middle))
    return [(middle - number if better == "max" else number - middle) > far for number in numbers]


def _distance(numbers: Sequence[float]) -> float | None:
    if len(numbers) < 3 or not all(map(math.isfinite, numbers)):
        return None
    middle = statistics.median(numbers)
    return statistics.median(abs(number - middle) for number in numbers)
