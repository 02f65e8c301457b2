"""The histories of a report: real epochs, the same of all runs, fewer as there are more runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hpcsweep.metrics import metrics_among
from hpcsweep.results import Results

MAX_METRICS = 6
NUMBERS = 1_000_000  # in all curves of a page
MOST, LEAST = 400, 24  # epochs of a curve


def shown_metrics(results: Results) -> list[str]:
    """Return the metrics that have curves, validation first, accuracy before others."""
    return sorted(
        metrics_among(results.metrics), key=lambda name: (not name.startswith("val_"), "accuracy" not in name)
    )[:MAX_METRICS]


def curves_of(results: Results) -> dict[str, Any]:
    """Return `epochs`, which are those that are drawn, `of` how many, and `values[metric]`, one list per run.

    A list begins at the first of `epochs` and ends where the run did, with the value at its last epoch, which is in
    `ends`. Values are rounded to four digits; null is no number.
    """
    history, metrics = results.history(), shown_metrics(results)
    if not len(history) or not metrics:
        return {"epochs": [], "of": 0, "metrics": [], "values": {}, "ends": [None] * len(results.runs)}
    every = np.unique(history["epoch"].to_numpy())
    runs = int(history["id"].nunique())
    epochs = every[_chosen(len(every), max(LEAST, min(MOST, NUMBERS // (runs * len(metrics)))))]
    rows = dict(history.groupby("id", observed=True, sort=False).indices.items())
    columns = {name: history[name].to_numpy() for name in ("epoch", *metrics)}
    ids = results.column("id").tolist()
    found = [
        _run({name: column[rows[run]] for name, column in columns.items()}, epochs) if run in rows else None
        for run in ids
    ]
    return {
        "epochs": epochs.tolist(),
        "of": len(every),
        "metrics": metrics,
        "values": {name: [run[name] if run else None for run in found] for name in metrics},
        "ends": [run["end"] if run else None for run in found],
    }


def _chosen(count: int, most: int) -> Any:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _run(history: dict[str, Any], epochs: Any) -> dict[str, Any]:
    """Return the run's values at `epochs` up to its last one, then that one's, and that epoch as `end`."""
    own = history["epoch"]
    end = int(own[-1])
    here = epochs[epochs < end]
    at = np.minimum(np.searchsorted(own, here), len(own) - 1)
    known = own[at] == here
    run: dict[str, Any] = {"end": end}
    for name, column in history.items():
        if name != "epoch":
            values = np.where(known, column[at], np.nan)
            run[name] = [round_to(value) for value in [*values.tolist(), float(column[-1])]]
    return run


def round_to(value: float, digits: int = 4) -> float | None:
    """Return a number with that many significant digits, None if it is not finite."""
    if not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")
