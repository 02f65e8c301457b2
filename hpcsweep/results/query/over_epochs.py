"""Where a number is the best of a run's epochs, and some runs had more epochs to be best in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.results.frames import Results
from hpcsweep.results.query.values import metric_is_test, metric_of
from hpcsweep.store.states import COUNTED
from hpcsweep.sweep.choices import EPOCHS

BY_CHANCE = "the best of more epochs is better by chance alone"
EXTREMES = ("min", "max")
_BEST_OF_EPOCHS = (*EXTREMES, "best")


def epochs_to_be_best_in(results: Results, name: str) -> pd.Series[Any] | None:
    """Return among how many epochs the number `name` of each run is the best, [runs]; None if it is no such number.

    A maximum or minimum is over the epochs that a run had; the best epoch by a stop rule, over those it was allowed.
    """
    statistic, _, metric = name.partition("_")
    if statistic not in _BEST_OF_EPOCHS or metric_of(results, name) != metric:
        return None
    if statistic in EXTREMES and "reached_epoch" in results.own and results.column("reached_epoch").notna().any():
        return results.column("reached_epoch")
    return results.runs[EPOCHS] if EPOCHS in results.parameters else None


def chosen_on_test(results: Results, name: str) -> str | None:
    """Return why the number `name` is too good, where runs chose their best epoch by test data, else None."""
    statistic, _, metric = name.partition("_")
    if statistic not in _BEST_OF_EPOCHS:
        return None
    if metric_is_test(metric):
        data, instead = "test data", "the one that a rule chooses by validation data"
    else:
        if "validated_on_test" not in results.own or not metric.startswith("val_"):
            return None
        known = sorted(set(results.column("validated_on_test")[results.in_state(*COUNTED)].dropna()))
        if not known:
            return None
        data = f"the published test part of {', '.join(known)}, on which load({known[0]!r}) validates"
        instead = f"validate on training examples, by load({known[0]!r}, validate=10_000), and show test_{metric[4:]}"
    return (
        f"{name} is the best of each run's epochs on {data}, chosen by what it measures, and too good; show the last "
        f"epoch, or {instead}"
    )


def may_be_best(results: Results) -> Any:
    """Return which runs may be called the best, bool [runs]: all, or with [halving] those of the last rung."""
    if results.halving is None:
        return np.ones(len(results.runs), dtype=bool)
    return (results.runs[EPOCHS] == results.halving.epochs[-1]).to_numpy()


def why_not_comparable(results: Results, name: str, runs: Any) -> str | None:
    """Return why the number `name` of these runs, bool [runs], cannot be compared; None if it can."""
    epochs = epochs_to_be_best_in(results, name)
    if epochs is None or not runs.any():
        return None
    of_runs = pd.to_numeric(epochs[runs], errors="coerce").dropna()
    if of_runs.nunique() < 2:
        return None
    metric = metric_of(results, name)
    return (
        f"{name} is the best of {of_runs.min():g} epochs in some runs and of {of_runs.max():g} in others, and "
        f"{BY_CHANCE}; compare last_{metric}, or runs of as many epochs by --where"
    )
