"""Does it pay to go on? Tests over seeds of what later stretches of a curve gain over an earlier one.

All are paired t tests, since a seed's stretches share its luck: seeds are independent, the epochs of one are not.
- A gain at all: a third of the later stretches is better than the first, with Bonferroni's correction over the thirds.
  Of several settings, the gain has to be larger than chance makes any of them, too, as in `statistics.best_set`. Chance
  is compared as a share of the first error, if the error has an end: the worse a setting, the more its seeds differ.
- It pays to go on from a stretch if a later one gains more than what is asked for. The knee is where none does. Its
  interval begins where that is last shown of a third of the later ones, and ends where the contrary is shown of all.
- It gets worse: the last stretch is worse than the best one, corrected for all that could have been the best.
`benchmarks/simulated_knees.py` counts on simulated curves how often these are right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcsweep.knee.levels import Levels
from hpcsweep.results.summaries import Array
from hpcsweep.statistics.paired import MIN_SEEDS

LEVEL = 0.05
PARTS = 3  # enough to see a gain that is lost again; more would ask more of few seeds


@dataclass(frozen=True)
class Price:
    """How much a gain has to be, to be worth it: one of these.

    `percent` of the error that is left (of the gain so far, if the metric has no known end), `gain` in units of the
    metric, or `gain_per_hour` on the device.
    """

    percent: float | None = None
    gain: float | None = None
    gain_per_hour: float | None = None

    def surplus(self, levels: Levels, start: int) -> Array:
        """Return by how much the gain of each later stretch over `start` is more than asked for, [seeds, later]."""
        error, hours = levels.error, levels.hours
        gains = _gains(levels, start)
        if self.gain is not None:
            return gains - self.gain
        if self.gain_per_hour is not None:
            return gains - self.gain_per_hour * (hours[:, start + 1 :] - hours[:, start : start + 1])
        left = error[:, start] if levels.has_end else error[:, 0] - error[:, start]
        return gains - (self.percent or 0.0) / 100 * left[:, np.newaxis]


@dataclass(frozen=True)
class Tested:
    """Means over seeds of several differences, and their standard errors, float64 [differences]."""

    mean: Array
    error: Array
    freedom: int

    def above(self, level: float) -> Array:
        """Return which means are above 0, with a one-sided t test at `level`."""
        return self.mean > _quantile(1 - level, self.freedom) * self.error

    def below(self, level: float) -> Array:
        """Return which means are below 0."""
        return -self.mean > _quantile(1 - level, self.freedom) * self.error


def tested(differences: Array, rounding: Array) -> Tested:
    """Return the test of differences, [seeds, differences], each of which has at least the variance `rounding`."""
    seeds = len(differences)
    variance = np.maximum(differences.var(axis=0, ddof=1), rounding)
    return Tested(differences.mean(axis=0), np.sqrt(variance / seeds), seeds - 1)


def gains(settings: Sequence[Levels]) -> list[bool]:
    """Return for each setting whether it is better later than in the first stretch; False with fewer than 3 seeds."""
    found = [_relative_gain(one) if one.seeds >= MIN_SEEDS and len(one.x) > 1 else None for one in settings]
    able = [one for one in found if one is not None]
    claims = sum(len(one.mean) for one in able)
    usual = _usual_variance(able) if len(able) > 1 else 0.0
    freedom = max(1, sum(one.freedom for one in able) // 2)

    def shown(one: Tested) -> bool:
        by_chance = _quantile(1 - LEVEL / claims, freedom) * math.sqrt(usual / (one.freedom + 1))
        return bool((one.above(LEVEL / len(one.mean)) & (one.mean > by_chance)).any())

    return [one is not None and shown(one) for one in found]


def pays(levels: Levels, price: Price, start: int) -> bool:
    """Return whether going on from the stretch `start` is shown to gain more than asked for."""
    onward = _in_parts(levels, start, price.surplus(levels, start))
    return bool(onward.above(LEVEL / 2 / len(onward.mean)).any())


def going_on(levels: Levels, price: Price) -> list[Tested]:
    """Return, for each stretch but the last, by how much more than asked for each later one gains."""
    return [
        tested(price.surplus(levels, start), levels.rounding[start] + levels.rounding[start + 1 :])
        for start in range(len(levels.x) - 1)
    ]


def worse_since(levels: Levels) -> int | None:
    """Return the best stretch, if the last one is worse while the error on the data trained on has become less."""
    best = int(levels.error.mean(axis=0).argmin())
    last = len(levels.x) - 1
    if levels.seeds < MIN_SEEDS or best == last or levels.fitted is None:
        return None
    validation = tested(levels.error[:, [best]] - levels.error[:, [last]], levels.rounding[[best]])
    training = tested(levels.fitted[:, [best]] - levels.fitted[:, [last]], np.zeros(1))
    return best if validation.below(LEVEL / last).all() and training.above(LEVEL).all() else None


def _gains(levels: Levels, start: int) -> Array:
    return levels.error[:, start : start + 1] - levels.error[:, start + 1 :]


def _relative_gain(levels: Levels) -> Tested:
    """Test the gain over the first stretch: as a share of its error, which is above 0 where anything is gained."""
    gain, first = _in_parts(levels, 0, _gains(levels, 0)), float(levels.error[:, 0].mean())
    scale = first if levels.has_end and first > 0 else 1.0
    return Tested(gain.mean / scale, gain.error / scale, gain.freedom)


def _in_parts(levels: Levels, start: int, later: Array) -> Tested:
    """Test what is gained on average in each of up to three parts of the later stretches, [seeds, later]."""
    parts = [part for part in np.array_split(np.arange(later.shape[1]), PARTS) if len(part)]
    rounding = [levels.rounding[start] + levels.rounding[start + 1 + part].mean() / len(part) for part in parts]
    return tested(np.stack([later[:, part].mean(axis=1) for part in parts], axis=1), np.array(rounding))


def _usual_variance(found: Sequence[Tested]) -> float:
    """Return the variance that a seed's gain has in the median setting: one that explodes shall not count."""
    from scipy.special import chdtri

    seeds = [(one, one.freedom + 1) for one in found]
    return float(np.median([np.mean(one.error**2) * n * (n - 1) / chdtri(n - 1, 0.5) for one, n in seeds]))


def _quantile(share: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))
