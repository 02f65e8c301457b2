"""What was found of a setting's knee, in words."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsweep.knee.curves import Curves
from hpcsweep.knee.find import MIN_POINTS, Found
from hpcsweep.knee.judge import Price
from hpcsweep.knee.levels import FIRST_EPOCH, Levels
from hpcsweep.statistics.paired import MIN_SEEDS
from hpcsweep.sweep.choices import EPOCHS


def in_words(curves: Curves, levels: Levels, price: Price, found: Found) -> str:
    """Return the verdict, what it rests on, and what to do where there is none."""
    return "; ".join(_parts(curves, levels, price, found))


def _parts(curves: Curves, levels: Levels, price: Price, found: Found) -> Iterator[str]:
    axis, seeds = curves.axis, f"{levels.seeds} seed{'s' * (levels.seeds != 1)}"
    if found.kind == "too few points":
        yield f"no answer: {_count(len(levels.x), 'point')} that all seeds have, expected {MIN_POINTS} or more"
    elif found.kind == "too few seeds":
        yield f"no answer: {seeds} cannot tell a gain from luck; expected {MIN_SEEDS} or more"
    elif found.kind == "no gain":
        yield f"no gain shown beyond noise from {_start(axis, levels)} on ({seeds})"
    elif found.kind == "knee":
        yield f"pays off until about {_at(axis, found.knee)} ({_interval(curves, found)}, {seeds})"
        yield f"nothing later gains {worth(curves, levels, price)}"
    elif found.kind == "still gaining":
        way = "rising" if curves.larger else "falling"
        yield f"still {way}: the last half gains {worth(curves, levels, price)} ({seeds})"
        yield f"go beyond {_at(axis, levels.last)}"
    else:
        known = "" if found.low == levels.x[0] else f": pays off until {_at(axis, found.low)} at least"
        yield f"cannot be told with {seeds}{known}"
        yield f"more seeds, or going beyond {_at(axis, levels.last)}, would tell"
    if found.worse_since is not None:
        place = _at(axis, found.worse_since)
        yield f"overfits: {curves.metric} gets worse after about {place}, while training gets better"
    if levels.dead:
        yield f"{_count(levels.dead, 'seed')} left out, far worse: less than half of the gain of the others"
    if levels.still:
        yield f"{_count(levels.still, 'seed')} at one value all along"


def worth(curves: Curves, levels: Levels, price: Price) -> str:
    """Return what a gain has to be, in words."""
    if price.gain is not None:
        return f"{price.gain:g} more" if curves.larger else f"{price.gain:g} less"
    if price.gain_per_hour is not None:
        return f"{price.gain_per_hour:g} per hour"
    return f"{price.percent:g} % of the {'error that is left' if levels.has_end else 'gain so far'}"


def _start(axis: str, levels: Levels) -> str:
    return f"epoch {max(levels.x[0], FIRST_EPOCH):g}" if axis == EPOCHS else f"{axis} {levels.x[0]:g}"


def _at(axis: str, place: float | None) -> str:
    return f"{axis} {place:g}" if axis != EPOCHS else f"{place:.0f} epochs"


def _interval(curves: Curves, found: Found) -> str:
    high = "beyond the last" if found.high is None else f"{found.high:.3g}"
    return f"95 % interval {found.low:.3g} to {high}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
