"""The paired t test, kept at its level where seeds are few, numbers are coarse or some runs collapse.

With few seeds, their mean differences may be nearly equal by chance, and a plain t test takes that for certainty. So
the spread of a seed's difference is at least what its parts say. First, accuracies are multiples of 1 / (number of test
images), and rounding to steps of r gives a number a variance of r² / 12 (Sheppard 1898), a difference of two r² / 6.
Second, with fewer than 6 seeds: the difference is a mean over settings, and if these are independent, its variance is
that of one setting's difference, divided by how many there are. `benchmarks/null_sweeps.py` simulates sweeps in which
nothing has an effect, and counts the false claims.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

CONFIDENCE = 0.95
MIN_SEEDS = 3
MANY_SEEDS = 6  # whose own spread is enough
LARGEST = 1e100  # what exploded beyond it counts as that: the squares of larger numbers are no numbers
FLOAT32 = 1e-6  # numbers nearer than this share of the largest are one number, computed in another order


@dataclass(frozen=True)
class Paired:
    """The mean difference over seeds, its 95 % interval, and the p-value of the hypothesis that it is 0.

    Without a claim, `low`, `high` and `p` are NaN and `why_not` says why.
    """

    difference: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    why_not: str = ""


def paired_t_test(differences: Sequence[float], least_spread: float) -> Paired:
    """Test one difference per seed, whose standard deviation is at least `least_spread`."""
    seeds = len(differences)
    if not seeds:
        return Paired(math.nan, why_not="no pairs")
    mean = math.fsum(differences) / seeds
    if seeds < MIN_SEEDS:
        return Paired(mean, why_not="one seed" if seeds == 1 else f"{seeds} seeds")
    if not all(map(math.isfinite, differences)):
        return Paired(mean, why_not="not all numbers are finite")
    from scipy.special import stdtr, stdtrit

    error = max(statistics.stdev(differences), least_spread) / math.sqrt(seeds)
    if error == 0:
        return Paired(mean, mean, mean, 1.0)  # all differences are 0, and so are all between the numbers
    half = float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2)) * error
    return Paired(mean, mean - half, mean + half, 2 * float(stdtr(seeds - 1, -abs(mean) / error)))


def step_between(numbers: Iterable[float]) -> float:
    """Return the smallest step between different numbers, 0 if all are equal; other than finite ones do not count."""
    distinct = sorted({number for number in numbers if math.isfinite(number)})
    least = FLOAT32 * max(map(abs, distinct), default=0.0)
    return min((high - low for low, high in pairwise(distinct) if high - low > least), default=0.0)


def least_spread(of_settings: Collection[Sequence[float]], step: float) -> float:
    """Return the least standard deviation of a seed's mean difference over settings.

    `of_settings`: the differences of each setting, one per seed; `step`: that between the numbers.
    """
    few = [one for one in of_settings if 1 < len(one) < MANY_SEEDS and all(map(math.isfinite, one))]
    variances = list(map(statistics.variance, few))
    single = max(step**2 / 6, math.fsum(variances) / len(variances) if variances else 0.0)
    return math.sqrt(single / len(of_settings)) if of_settings else 0.0
