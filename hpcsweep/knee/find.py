"""Where one setting has its knee, with an interval; or that it has none, or still gains, or that it cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hpcsweep.knee.judge import LEVEL, Price, Tested, going_on, pays, worse_since
from hpcsweep.knee.levels import Levels
from hpcsweep.results.summaries import Array
from hpcsweep.statistics.paired import MIN_SEEDS
from hpcsweep.sweep.choices import EPOCHS

MIN_POINTS = 4
Kind = Literal["knee", "no gain", "still gaining", "undecided", "too few seeds", "too few points"]


@dataclass(frozen=True)
class Found:
    """What the seeds say of one setting. `knee`, `low`, `high` and `worse_since` are places on the axis, or None.

    The knee is only told where the axis goes on for as long again and nothing there is worth it. `low` is the last
    place from where it is shown to pay to go on, `high` the first from where on it is shown not to pay.
    """

    kind: Kind
    knee: float | None = None
    low: float | None = None
    high: float | None = None
    worse_since: float | None = None


def find(levels: Levels, price: Price, axis: str, gains: bool) -> Found:
    """Return where the knee is; `gains`: some later stretch is shown to be better than the first."""
    if len(levels.x) < MIN_POINTS:
        return Found("too few points")
    if levels.seeds < MIN_SEEDS:
        return Found("too few seeds")
    best = worse_since(levels)
    worse = None if best is None else float(levels.x[best])
    if not gains:
        return Found("no gain", worse_since=worse)
    onward = going_on(levels, price)
    low = _low(levels, price)
    at = next((at for at, one in enumerate(onward) if not (one.mean > 0).any()), len(onward))
    knee = _between(onward, levels.x, at) if axis == EPOCHS else float(levels.x[at])
    middle = levels.last / 2 if axis == EPOCHS else levels.x[-2]
    if knee <= middle:
        return Found("knee", knee, low, _high(onward, levels.x), worse)
    shown = pays(levels, price, int(np.searchsorted(levels.x, middle, side="right")) - 1)
    return Found("still gaining" if shown else "undecided", None, low, None, worse)


def _low(levels: Levels, price: Price) -> float:
    first = next((at for at in range(len(levels.x) - 1) if not pays(levels, price, at)), len(levels.x) - 1)
    return float(levels.x[max(first - 1, 0)])


def _high(onward: list[Tested], x: Array) -> float | None:
    high = None
    for at in reversed(range(len(onward))):
        if not onward[at].below(LEVEL / 2).all():
            break
        high = float(x[at])
    return high


def _between(onward: list[Tested], x: Array, at: int) -> float:
    """Return where going on stops to be worth it, between the stretches `at` - 1 and `at` on a logarithmic axis."""
    if at == 0 or at == len(onward):
        return float(x[at])
    before, after = (float(one.mean.max()) for one in onward[at - 1 : at + 1])
    share = before / (before - after) if before > after else 1.0
    return float(np.exp(np.log(x[at - 1]) + share * (np.log(x[at]) - np.log(x[at - 1]))))
