"""What each further stretch of an axis buys, and when thresholds are first reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.knee.curves import Curve, curves_of
from hpcsweep.results import ResultsSource
from hpcsweep.statistics.robust import median_interval
from hpcsweep.store.opening import StoreSource
from hpcsweep.sweep.choices import EPOCHS

THRESHOLDS = (0.6, 0.8, 0.85)


def marginal(
    source: ResultsSource,
    metric: str | None = None,
    *,
    axis: str = EPOCHS,
    where: str | None = None,
    store: StoreSource = None,
) -> pd.DataFrame:
    """Return one row for each setting and stretch of the axis: what was gained in it, over seeds.

    Stretches of epochs are 0 to 1, 1 to 2, 2 to 5, 5 to 10 and so on; on another axis they go from value to value.
    Columns: the parameters, `metric`, `start`, `stop`, `n_seeds`, `gain` (positive is better; negative, it got worse),
    `ci_low`, `ci_high` (of the median, 93 % or more, from five seeds on), `gain_per_step`, `gain_per_hour`.
    """
    curves = curves_of(source, metric, axis, where, store)
    rows: list[dict[str, Any]] = []
    for setting, found in curves.by_setting().items():
        head = {**dict(zip(curves.names, setting, strict=True)), "metric": curves.metric}
        rows += [{**head, **_stretch(found, curves.larger, start, stop)} for start, stop in _stretches(found, axis)]
    return pd.DataFrame(rows)


def reaching(
    source: ResultsSource,
    metric: str | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    axis: str = EPOCHS,
    where: str | None = None,
    store: StoreSource = None,
) -> pd.DataFrame:
    """Return one row for each setting and threshold: at which `axis` value the metric first reaches it, over seeds.

    Columns: the parameters, `metric`, `threshold`, `n_seeds`, `n_reached`, `first` (median of the seeds that got
    there), `first_low`, `first_high` (their range), `hours` (median).
    """
    curves = curves_of(source, metric, axis, where, store)
    rows: list[dict[str, Any]] = []
    for setting, found in curves.by_setting().items():
        for threshold in thresholds:
            hits = [_first_hit(curve, threshold, curves.larger) for curve in found]
            reached = [(float(c.x[i]), float(c.hours[i])) for c, i in zip(found, hits, strict=True) if i is not None]
            points = [point for point, _ in reached]
            rows.append(
                {**dict(zip(curves.names, setting, strict=True)), "metric": curves.metric, "threshold": threshold}
                | {"n_seeds": len(found), "n_reached": len(reached)}
                | {"first": float(np.median(points)) if points else math.nan}
                | {"first_low": min(points, default=math.nan), "first_high": max(points, default=math.nan)}
                | {"hours": float(np.median([hours for _, hours in reached])) if reached else math.nan}
            )
    return pd.DataFrame(rows)


def _first_hit(curve: Curve, threshold: float, larger: bool) -> int | None:
    hit = curve.value >= threshold if larger else curve.value <= threshold
    return int(np.argmax(hit)) if hit.any() else None


def _stretches(found: list[Curve], axis: str) -> Iterator[tuple[float, float]]:
    points = sorted({float(x) for curve in found for x in curve.x})
    if axis == EPOCHS:
        points = [point for point in points if point == 0 or _is_1_2_5(point) or point == points[-1]]
    yield from pairwise(points)


def _is_1_2_5(point: float) -> bool:
    return point > 0 and point / 10 ** math.floor(math.log10(point)) in (1.0, 2.0, 5.0)


def _stretch(found: list[Curve], larger: bool, start: float, stop: float) -> dict[str, Any]:
    gains, hours = [], []
    for curve in found:
        at = [int(np.searchsorted(curve.x, point, side="right")) - 1 for point in (start, stop)]
        if at[0] >= 0 and curve.x[-1] >= stop:
            gains.append(float(curve.value[at[1]] - curve.value[at[0]]) * (1 if larger else -1))
            hours.append(float(curve.hours[at[1]] - curve.hours[at[0]]))
    gain = math.fsum(gains) / len(gains) if gains else math.nan
    low, high = median_interval(gains) or (math.nan, math.nan)
    spent = math.fsum(hours) / len(hours) if hours else math.nan
    return {
        "start": start,
        "stop": stop,
        "n_seeds": len(gains),
        "gain": gain,
        "ci_low": low,
        "ci_high": high,
        "gain_per_step": gain / (stop - start),
        "gain_per_hour": gain / spent if spent > 0 else math.nan,
    }
