"""The knee: the point after which less than a given share of the whole gain is still bought."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import UsageError
from hpcsweep.knee.curves import Curve, Curves, curves_of
from hpcsweep.results import ResultsSource
from hpcsweep.store.opening import StoreSource
from hpcsweep.sweep.choices import EPOCHS

MIN_POINTS = 4
LAST_PART = 0.25  # a knee in the last quarter of the axis shows where the data end, not where the gain ends


def knee(
    source: ResultsSource,
    metric: str | None = None,
    *,
    axis: str = EPOCHS,
    percent: float = 5.0,
    where: str | None = None,
    store: StoreSource = None,
) -> pd.DataFrame:
    """Return one row per setting: after which `axis` value less than `percent` % of its whole gain is still to come.

    The gain is that of the best value so far, from the first point (epoch 0, the fresh model) to the last, for each
    seed separately; the columns give the median and the range over seeds. If most seeds have their knee in the last
    quarter of the axis, the metric is still improving and no answer is given.
    Columns: the parameters of the setting, `metric`, `n_seeds`, `knee`, `knee_low`, `knee_high`, `at_knee`, `at_end`,
    `gain_per_step`, `gain_per_step_after` (a step is one unit of the axis), `gain_per_hour`, `gain_per_hour_after`
    (hours on the device; NaN if not measured), `verdict`.
    """
    if not 0 < percent < 100:
        raise UsageError(f"--percent: found {percent:g}, expected a number between 0 and 100")
    curves = curves_of(source, metric, axis, where, store)
    rows = [
        {**dict(zip(curves.names, setting, strict=True)), "metric": curves.metric, **_row(curves, found, percent / 100)}
        for setting, found in curves.by_setting().items()
    ]
    return pd.DataFrame(rows)


def knee_index(curve: Curve, share: float) -> int | None:
    """Return the first point of a curve after which at most `share` of its gain remains; None if there is no gain."""
    gain = abs(float(curve.best[-1] - curve.best[0]))
    if len(curve.x) < MIN_POINTS or not gain:
        return None
    remaining = np.abs(curve.best[-1] - curve.best) / gain
    return int(np.argmax(remaining <= share))


def _row(curves: Curves, found: list[Curve], share: float) -> dict[str, Any]:
    indices = [knee_index(curve, share) for curve in found]
    known = [(curve, index) for curve, index in zip(found, indices, strict=True) if index is not None]
    row: dict[str, Any] = {"n_seeds": len(found)}
    points = [float(curve.x[index]) for curve, index in known]
    rising = sum(_in_last_part(curve, index) for curve, index in known)
    answered = bool(known) and rising * 2 < len(known)
    row["knee"] = statistics.median(points) if answered else math.nan
    row["knee_low"], row["knee_high"] = (min(points), max(points)) if answered else (math.nan, math.nan)
    row["at_knee"] = _mean([float(curve.best[index]) for curve, index in known]) if answered else math.nan
    row["at_end"] = _mean([float(curve.best[-1]) for curve in found])
    for name, measure in (("step", "x"), ("hour", "hours")):
        before, after = (
            zip(*(_rates(curve, index, measure) for curve, index in known), strict=True) if answered else ((), ())
        )
        row[f"gain_per_{name}"], row[f"gain_per_{name}_after"] = _mean(before), _mean(after)
    row["verdict"] = _verdict(curves, row, len(known), rising, share)
    return row


def _in_last_part(curve: Curve, index: int) -> bool:
    return bool(curve.x[index] > curve.x[-1] - LAST_PART * (curve.x[-1] - curve.x[0]))


def _rates(curve: Curve, index: int, measure: str) -> tuple[float, float]:
    """Return the gain per unit of `measure` up to the knee and after it."""
    amount, gain = getattr(curve, measure), np.abs(curve.best - curve.best[0])
    up_to, rest = float(amount[index] - amount[0]), float(amount[-1] - amount[index])
    before = float(gain[index]) / up_to if up_to > 0 else math.nan
    return before, float(gain[-1] - gain[index]) / rest if rest > 0 else math.nan


def _verdict(curves: Curves, row: dict[str, Any], known: int, rising: int, share: float) -> str:
    if not known:
        return f"no answer: no gain, or fewer than {MIN_POINTS} points"
    if math.isnan(row["knee"]):
        return (
            f"no answer: still {'rising' if curves.larger else 'falling'} ({rising} of {known} seeds gain more than "
            f"{share:.0%} in the last quarter); go beyond the largest {curves.axis}"
        )
    spread = f" ({row['knee_low']:g} to {row['knee_high']:g} over {known} seeds)" if known > 1 else " (one seed)"
    return f"pays off until about {row['knee']:g} {curves.axis}{spread}; less than {share:.0%} of the gain comes after"


def _mean(numbers: Any) -> float:
    finite = [number for number in numbers if math.isfinite(number)]
    return math.fsum(finite) / len(finite) if finite else math.nan
