"""The knee of each setting: from where on nothing later is worth what it costs, or why that cannot be said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import UsageError
from hpcsweep.knee.curves import Curves, curves_of
from hpcsweep.knee.find import Found, find
from hpcsweep.knee.judge import Price, gains
from hpcsweep.knee.levels import Levels, levels_of
from hpcsweep.knee.verdict import in_words
from hpcsweep.results import ResultsSource
from hpcsweep.results.frames import free_name
from hpcsweep.store.opening import StoreSource

PERCENT = 5.0


def knee(
    source: ResultsSource,
    metric: str | None = None,
    *,
    axis: str = "epochs",
    percent: float | None = None,
    gain: float | None = None,
    gain_per_hour: float | None = None,
    where: str | None = None,
    store: StoreSource = None,
) -> pd.DataFrame:
    """Return one row per setting: the `axis` value from where on nothing later is worth it, with its interval.

    A later value is worth it if it gains at least `percent` % (5 if nothing is said) of the error that is left, or
    `gain` in units of the metric, or `gain_per_hour` on the device. The error is a loss, or 1 - accuracy; of a metric
    that has no known end, `percent` is of the gain so far. Epochs count from 1: chance is no measure.
    There is no knee from fewer than 3 seeds, if no gain is shown beyond noise (of sweeps without any, at most 5 % are
    said to have one), or if the metric still gains in the last half of the epochs. Seeds that are far worse are left
    out.
    Columns: the parameters of the setting, `metric`, `n_seeds`, `n_dead`, `kind` (knee, no gain, still gaining,
    undecided, too few seeds, too few points), `knee`, `ci_low`, `ci_high` (95 %; NaN for `ci_high`: beyond the last),
    `at_knee`, `at_end` (means of the metric), `hours`, `hours_after` (per run, until the knee and after it; NaN if not
    measured), `overfits_from` (from where it gets worse while it gets better on the data trained on), `verdict`.
    Raises UsageError for a metric, an axis or a price that will not do.
    """
    price = price_of(percent, gain, gain_per_hour)
    curves = curves_of(source, metric, axis, where, store)
    levels = {setting: levels_of(curves, found) for setting, found in curves.by_setting().items()}
    shown = gains(list(levels.values()))
    rows = []
    for (setting, one), gaining in zip(levels.items(), shown, strict=True):
        row = {"metric": curves.metric, **_row(curves, one, price, find(one, price, axis, gaining))}
        free = {free_name(name, curves.names): value for name, value in row.items()}
        rows.append({**dict(zip(curves.names, setting, strict=True)), **free})
    return pd.DataFrame(rows)


def price_of(percent: float | None, gain: float | None, gain_per_hour: float | None) -> Price:
    """Return what a gain has to be; UsageError unless it is one of the three, and a number that makes sense."""
    given = {"--percent": percent, "--gain": gain, "--gain-per-hour": gain_per_hour}
    said = {option: number for option, number in given.items() if number is not None}
    if len(said) > 1:
        raise UsageError(f"{' and '.join(said)}: expected one of them, since each says what a gain has to be")
    for option, number in said.items():
        if not (0 < number < (100 if option == "--percent" else math.inf)):
            expected = "a number between 0 and 100" if option == "--percent" else "a number above 0"
            raise UsageError(f"{option}: found {number:g}, expected {expected}")
    return Price(PERCENT if not said else percent, gain, gain_per_hour)


def _row(curves: Curves, levels: Levels, price: Price, found: Found) -> dict[str, Any]:
    near = int(np.argmin(np.abs(levels.x - found.knee))) if found.knee is not None else None
    hours = levels.hours.mean(axis=0) if levels.seeds else np.full(len(levels.x), math.nan)
    return {
        "n_seeds": levels.seeds,
        "n_dead": levels.dead,
        "kind": found.kind,
        "knee": _number(found.knee),
        "ci_low": _number(found.low),
        "ci_high": _number(found.high),
        "at_knee": math.nan if near is None else _mean(curves, levels, near),
        "at_end": _mean(curves, levels, -1),
        "hours": math.nan if near is None else float(hours[near]),
        "hours_after": math.nan if near is None else float(hours[-1] - hours[near]),
        "overfits_from": _number(found.worse_since),
        "verdict": in_words(curves, levels, price, found),
    }


def _mean(curves: Curves, levels: Levels, at: int) -> float:
    if not len(levels.x):
        return math.nan
    error = float(levels.error[:, at].mean())
    return float(levels.has_end) - error if curves.larger else error


def _number(place: float | None) -> float:
    return math.nan if place is None else place
