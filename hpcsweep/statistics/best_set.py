"""Which settings cannot be told from the best one: multiple comparisons with the best, with one correction.

Two settings are told apart where both of these say so. First, their difference is larger than chance makes any
difference among the settings that are left (the seeds are blocks, the spread is that of all settings together, or of
the calm ones where both are calm, by Cochran's test; Bonferroni's correction covers all pairs; settings that are worse
are dropped, and the others are judged again without them). Second, the seeds of the two alone say so, by a paired t
test: a setting may be far wilder than the others. Of several settings its level is divided by the number of seeds: what
a wild one is compared with is the best of many, by chance alone, against which few seeds guard by themselves. As in
`paired`, no spread is less than the step between numbers makes. `benchmarks/null_sweeps.py` counts how often settings
that are equal are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.statistics.paired import LARGEST, MIN_SEEDS, step_between

LEVEL = 0.025  # of all claims about the best; the comparisons of parameters have the other half of a report's 0.05
POWER = 0.8
MOST_SEEDS = 100
WILD = 0.001  # the level at which a setting counts as wilder than the others
ROUNDS = 20  # after which means of incomplete rows and columns have settled

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class BestSet:
    """What the seeds say of settings, each of which has a row.

    `best` is the row with the best mean, `runner_up` the next; None if there is none. `margins` are by how much the
    best is better, over the seeds that both have, and `halves` half the width of their intervals, which hold all
    together; both float64 [settings], NaN where nothing can be said. `is_left`, bool [settings]: cannot be told from
    the best. `more_seeds` would tell the runner-up from the best, in 4 of 5 cases, if the margin is what it seems;
    None for more than 100, 0 if they are told apart or nothing can be said.
    """

    best: int | None
    runner_up: int | None
    margins: Numbers
    halves: Numbers
    is_left: NDArray[np.bool_]
    more_seeds: int | None

    @property
    def claims(self) -> bool:
        """Whether any setting is told from the best."""
        return not bool(self.is_left.all())


def best_set(numbers: Numbers, *, larger: bool, level: float = LEVEL) -> BestSet:
    """Return the best of settings by their means over seeds, and those that cannot be told from it.

    `numbers` are float64 [settings, seeds], NaN where there is none. Settings without any are never left; those with
    fewer than 3 seeds always are. At most a share `level` of answers tells two equal settings apart.
    """
    values = np.where(np.isfinite(numbers), numbers if larger else -numbers, np.nan).clip(-LARGEST, LARGEST)
    counts = np.isfinite(values).sum(axis=1)
    judged = counts >= MIN_SEEDS
    left = counts > 0
    unknown = np.full(len(values), np.nan)
    means = _means(values)
    if not left.any():
        return BestSet(None, None, unknown, unknown, left, 0)
    if not judged.any():
        order = np.argsort(-np.where(left, means, -np.inf), kind="stable")
        best = int(order[0])
        return BestSet(best, _second(order, left), _means(values[best] - values), unknown, left, 0)
    order = np.argsort(-np.where(judged, means, -np.inf), kind="stable")
    best, second = int(order[0]), _second(order, judged)
    differences = values[best] - values
    margins, halves = _means(differences), unknown.copy()
    while (rows := np.flatnonzero(judged & left)).size > 1:
        spreads = _spreads(values, rows, best)
        for of, spread in spreads:
            halves[of] = spread.halves(differences[of], level)
        worse = judged & left & (margins > halves)
        if not worse.any():
            break
        left = left & ~worse
    halves[best] = np.nan
    more: int | None = 0
    if second is not None and left[second] and np.isfinite(halves[second]):
        spread = [spread for of, spread in spreads if second in of][-1]
        more = spread.more_seeds(float(margins[second]), differences[second], level)
    return BestSet(best, second, margins, halves, left, more)


def by_seed(keys: Sequence[Any], seeds: Sequence[int], numbers: Any, wanted: Any) -> tuple[list[Any], Any]:
    """Return the distinct keys of runs and their numbers, float64 [keys, seeds]; runs of one key and seed are averaged.

    `wanted`, bool [runs], says which runs count; a key of which none does has NaN.
    """
    rows = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    columns = {seed: column for column, seed in enumerate(sorted(set(seeds)))}
    sums, counts = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)))
    for key, seed, number, is_wanted in zip(keys, seeds, numbers, wanted, strict=True):
        if is_wanted:
            sums[rows[key], columns[seed]] += number
            counts[rows[key], columns[seed]] += 1
    with np.errstate(invalid="ignore"):
        return list(rows), np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


class _Spread:
    """How much the numbers of settings, [settings, seeds], spread beyond what settings and seeds explain."""

    def __init__(self, values: Numbers, step: float, pairs: float) -> None:
        residuals = values
        for _ in range(ROUNDS if np.isnan(values).any() else 1):
            residuals = residuals - _means(residuals)[:, np.newaxis]
            residuals = residuals - _means(residuals.T)
        settings, seeds = len(values), int(np.isfinite(values).any(axis=0).sum())
        self.pairs = pairs
        self.settings = settings
        self.freedom = max(1, int(np.isfinite(values).sum()) - settings - seeds + 1)
        self.step = step
        self.variance = max(float(np.nansum(residuals**2)) / self.freedom, step**2 / 12)

    def halves(self, differences: Numbers, level: float) -> Numbers:
        """Return half the widths of the intervals of mean differences, [settings, seeds] to [settings]."""
        seeds = np.isfinite(differences).sum(axis=1)
        deviations = differences - _means(differences)[:, np.newaxis]
        own = np.nansum(deviations**2, axis=1) / np.maximum(seeds - 1, 1)
        known = np.maximum(seeds, MIN_SEEDS)
        return np.where(seeds < MIN_SEEDS, np.nan, self._halves(own, known, np.array(self.freedom), level))

    def more_seeds(self, margin: float, difference: Numbers, level: float) -> int | None:
        """Return how many more seeds would tell this mean difference from 0; None for more than 100."""
        known = difference[np.isfinite(difference)]
        own = np.array(np.var(known, ddof=1))
        seeds = len(known) + np.arange(1, MOST_SEEDS + 1)
        freedom = (self.settings - 1) * (seeds - 1)
        error = np.sqrt(np.maximum(own, 2 * self.variance) / seeds)
        enough = margin > self._halves(own, seeds, freedom, level) + _quantile(POWER, freedom) * error
        return int(np.argmax(enough)) + 1 if enough.any() else None

    def _halves(self, own: Numbers, seeds: Any, freedom: Any, level: float) -> Numbers:
        together = _quantile(1 - level / 2 / self.pairs, freedom) * np.sqrt(2 * self.variance / seeds)
        alone = _quantile(1 - level / 2 / np.minimum(self.settings - 1, seeds), seeds - 1) * np.sqrt(
            np.maximum(own, self.step**2 / 6) / seeds
        )
        return np.asarray(np.maximum(together, alone))


def _spreads(values: Numbers, rows: Any, best: int) -> list[tuple[Any, _Spread]]:
    """Return groups of settings, each with the spread that tells them from the best; a later group replaces an earlier.

    The first is all of `rows`; the second, if the best is calm, the calm ones by themselves, so that one run that went
    wrong does not hide what the others show.
    """
    calm = rows[_calm(values[rows])]
    groups = [rows, calm] if best in calm and calm.size < rows.size else [rows]
    pairs = rows.size * (rows.size - 1) / 2
    return [(of, _Spread(values[of], _step(values[of]), pairs)) for of in groups]


def _step(values: Numbers) -> float:
    """Return the step between numbers of settings, of these alone: beside one that exploded, all seem rounded."""
    return step_between(values.ravel().tolist())


def _calm(values: Numbers) -> NDArray[np.bool_]:
    """Return which settings, [settings, seeds], are not wilder than chance makes one of them.

    That is Cochran's test of the largest variance, again without it where it is too large. Of 3 seeds, all are calm.
    """
    from scipy.special import fdtri

    counts = np.isfinite(values).sum(axis=1)
    deviations = values - _means(values)[:, np.newaxis]
    variances = np.nansum(deviations**2, axis=1) / (counts - 1)
    calm = np.ones(len(values), dtype=bool)
    while calm.sum() > 2:
        wildest = int(np.argmax(np.where(calm, variances, -1.0)))
        others = calm & (np.arange(len(values)) != wildest)
        likely = fdtri(counts[wildest] - 1, (counts[others] - 1).sum(), 1 - WILD / calm.sum())
        usual = np.maximum(variances[others], _step(values[others]) ** 2 / 12).mean()
        if counts[wildest] <= MIN_SEEDS or variances[wildest] <= likely * usual:
            break
        calm[wildest] = False
    return calm


def _means(values: Numbers) -> Numbers:
    """Return the means of rows, NaN for a row without a number."""
    counts = np.isfinite(values).sum(axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)


def _second(order: Any, able: Any) -> int | None:
    return int(order[1]) if able.sum() > 1 else None


def _quantile(share: float, freedom: Any) -> Numbers:
    """Return the quantile of Student's t distribution with `freedom` degrees of freedom."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, share), dtype=np.float64)
