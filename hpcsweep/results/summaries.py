"""A history as one number: the last, smallest, largest and mean value of each metric of each run.

Histories of many runs are in columns, one after the other ("stacked"); `lengths` says how many rows each run has. Each
sum runs over one segment, so a run's summary does not depend on which other runs are read with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.metrics import HEADLINES, Direction, better

Array = np.ndarray[Any, Any]
EPOCH_OF_MAX, EPOCH_OF_MIN = "epoch_of/max/", "epoch_of/min/"  # before the name of a metric in a column


def summarise(history: Mapping[str, Array], lengths: Array, monitored: Sequence[int | None] = ()) -> dict[str, Array]:
    """Return `{last,min,max,mean}_{metric}`, each float64 [runs], over the epochs from 1 on.

    `best_{metric}` is its value in the run's best epoch by the metric that its stop rule watches: `monitored` [runs]
    are these epochs, None for a run without such a rule; nothing where no run has one.

    NaN is skipped, such as in a metric that is logged every fifth epoch; a run without any value has NaN. `history` has
    an integer column "epoch" and float columns, each [sum of lengths].
    """
    trained = np.asarray(history["epoch"]) >= 1
    summary: dict[str, Array] = {}
    for metric, column in history.items():
        if metric == "epoch":
            continue
        values = np.asarray(column, dtype=np.float64)
        valid = trained & ~np.isnan(values)
        for statistic, numbers in _of_segments(values, valid, np.asarray(lengths)).items():
            summary[f"{statistic}_{metric}"] = numbers
        if any(epoch is not None for epoch in monitored):
            summary[f"best_{metric}"] = _at_epochs(values, np.asarray(history["epoch"]), np.asarray(lengths), monitored)
    return summary


def _at_epochs(values: Array, epochs: Array, lengths: Array, wanted: Sequence[int | None]) -> Array:
    """Return the value [runs] of each run in the epoch that is wanted of it, NaN where none is."""
    numbers = np.full(len(lengths), np.nan)
    starts = np.cumsum(lengths) - lengths
    for run, (start, length, epoch) in enumerate(zip(starts, lengths, wanted, strict=True)):
        rows = np.flatnonzero(epochs[start : start + length] == epoch) if epoch is not None else np.array([])
        if len(rows):
            numbers[run] = values[start + rows[0]]
    return numbers


def _of_segments(values: Array, valid: Array, lengths: Array) -> dict[str, Array]:
    has_rows = lengths > 0
    starts = (np.cumsum(lengths) - lengths)[has_rows]
    results = {name: np.full(len(lengths), np.nan) for name in ("last", "min", "max", "mean")}
    if not len(starts):
        return results
    count = np.add.reduceat(valid.astype(np.int64), starts)
    last_row = np.maximum.reduceat(np.where(valid, np.arange(len(values)), -1), starts)
    some = count > 0
    filled = {
        "last": values[last_row],
        "min": np.minimum.reduceat(np.where(valid, values, np.inf), starts),
        "max": np.maximum.reduceat(np.where(valid, values, -np.inf), starts),
        "mean": np.add.reduceat(np.where(valid, values, 0.0), starts) / np.maximum(count, 1),
    }
    for name, numbers in filled.items():
        results[name][has_rows] = np.where(some, numbers, np.nan)
    return results


def best_epochs_of_each(history: Mapping[str, Array], lengths: Array) -> dict[str, Array]:
    """Return `epoch_of/max/{metric}` and `epoch_of/min/{metric}`, each float64 [runs].

    They are the epochs, from 1 on, in which the metric was highest and lowest: of equal ones the first, NaN if there is
    none.
    """
    epochs, lengths = np.asarray(history["epoch"]), np.asarray(lengths)
    found: dict[str, Array] = {}
    for metric, column in history.items():
        if metric != "epoch":
            values = np.asarray(column, dtype=np.float64)
            valid = (epochs >= 1) & ~np.isnan(values)
            for beginning, sign in ((EPOCH_OF_MAX, 1.0), (EPOCH_OF_MIN, -1.0)):
                scores = np.where(valid, sign * values, -np.inf)
                found[f"{beginning}{metric}"] = _first_best(scores, epochs, lengths)
    return found


def best_epochs(runs: pd.DataFrame, directions: Mapping[str, Direction | None] | None = None) -> Array:
    """Return the epoch [runs] at which each run was best, NaN if that cannot be said.

    What counts is the first of these that the run has: the highest `val_accuracy`, the lowest `val_loss`, the highest
    `accuracy`, the lowest `loss`, the best of the metrics of `directions` (what [metrics] says). Of equal epochs the
    first counts, from epoch 1 on. `runs` has the columns that `best_epochs_of_each` returns.
    """
    best = np.full(len(runs), np.nan)
    for metric in (*HEADLINES, *(directions or {})):
        way = better(metric, directions)
        name = f"{EPOCH_OF_MAX if way == 'max' else EPOCH_OF_MIN}{metric}"
        if way is not None and name in runs:
            best = np.where(np.isnan(best), runs[name], best)
    return best


def _first_best(scores: Array, epochs: Array, lengths: Array) -> Array:
    best = np.full(len(lengths), np.nan)
    has_rows = lengths > 0
    starts = (np.cumsum(lengths) - lengths)[has_rows]
    if not len(starts):
        return best
    highest = np.maximum.reduceat(scores, starts)
    reached = scores == np.repeat(highest, lengths[has_rows])
    row = np.minimum.reduceat(np.where(reached, np.arange(len(scores)), len(scores)), starts)
    best[has_rows] = np.where(np.isfinite(highest), epochs[row], np.nan)
    return best
