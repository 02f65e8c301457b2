"""Does one value of a parameter do better than another? Runs that differ in nothing else are compared as pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from hpcsweep.errors import UsageError, nearest
from hpcsweep.results import Results, ResultsSource
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.select import results_of, settings_of
from hpcsweep.results.query.values import Value, default_value, finished, value_of
from hpcsweep.store.opening import StoreSource
from hpcsweep.tables.cells import confidence_interval

SIGNIFICANT = 0.05
MIN_PAIRS = 2


def compare(
    source: ResultsSource,
    parameter: str,
    value: str | None = None,
    *,
    where: str | None = None,
    store: StoreSource = None,
) -> pd.DataFrame:
    """Return one row for each pair of values of `parameter`: do the finished runs of one do better than the other's?

    Runs that agree in the seed and in all other parameters are pairs. Differences of pairs that share a seed are first
    averaged, so n counts seeds, which are independent, and not settings, which are not. Then comes a paired t test
    (scipy.stats.ttest_1samp of the differences), with Holm's correction over all rows (Holm 1979, Scand. J. Statist.
    6:65). It assumes that the differences over seeds are roughly normal.
    Columns: `parameter`, `metric`, `first`, `second`, `n_seeds`, `n_pairs`, `difference` (second minus first),
    `ci_low`, `ci_high` (95 %), `p`, `p_holm`, `verdict`.
    Raises UsageError for a parameter that does not vary.
    """
    results = results_of(source, where=where, store=store)
    if parameter not in results.varying():
        varying = ", ".join(results.varying()) or "none"
        hint = nearest(parameter, results.varying())
        raise UsageError(f'the parameter "{parameter}" does not vary{hint}; those that do: {varying}')
    shown = value_of(results, value or default_value(results))
    runs = _by_value(results, parameter, shown)
    rows = [
        {"parameter": parameter, "metric": shown.name, **_compared(runs, first, second)}
        for first, second in combinations(distinct(results.runs[parameter]), 2)
    ]
    corrected = holm([row["p"] for row in rows])
    for row, p_holm in zip(rows, corrected, strict=True):
        row["p_holm"] = p_holm
        row["verdict"] = _verdict(row)
    return pd.DataFrame(rows)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's step-down method; NaN, for no test, stays NaN."""
    tested = sorted((p, position) for position, p in enumerate(p_values) if not math.isnan(p))
    corrected = [math.nan] * len(p_values)
    highest = 0.0
    for rank, (p, position) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        corrected[position] = highest
    return corrected


def _by_value(results: Results, parameter: str, shown: Value) -> dict[Any, dict[Any, float]]:
    """Return {value of the parameter: {(seed, all other parameters): number}} of the runs that are done."""
    others = [name for name in results.parameters if name != parameter]
    settings = settings_of(results, [results.own["seed"], *others])
    columns = (finished(results, shown), results.runs[parameter].tolist(), shown.numbers, settings)
    grouped: dict[Any, dict[Any, float]] = {}
    for is_finished, value, number, setting in zip(*columns, strict=True):
        if is_finished:
            grouped.setdefault(value, {})[setting] = float(number)
    return grouped


def _compared(runs: dict[Any, dict[Any, float]], first: Any, second: Any) -> dict[str, Any]:
    before, after = runs.get(first, {}), runs.get(second, {})
    by_seed: dict[Any, list[float]] = {}
    for setting in before.keys() & after.keys():
        by_seed.setdefault(setting[0], []).append(after[setting] - before[setting])
    differences = tuple(math.fsum(by_seed[seed]) / len(by_seed[seed]) for seed in sorted(by_seed))
    low, high = confidence_interval(differences) or (math.nan, math.nan)
    return {
        "first": first,
        "second": second,
        "n_seeds": len(differences),
        "n_pairs": sum(map(len, by_seed.values())),
        "difference": math.fsum(differences) / len(differences) if differences else math.nan,
        "ci_low": low,
        "ci_high": high,
        "p": _p_value(differences),
    }


def _p_value(differences: tuple[float, ...]) -> float:
    if len(differences) < MIN_PAIRS:
        return math.nan
    if len(set(differences)) == 1:  # the t statistic divides by the spread, which is 0 here
        return 1.0 if differences[0] == 0 else 0.0
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(differences, 0.0).pvalue)


def _verdict(row: dict[str, Any]) -> str:
    if row["n_seeds"] < MIN_PAIRS:
        return "no claim: one seed" if row["n_seeds"] else "no claim: no pairs"
    return "different" if row["p_holm"] < SIGNIFICANT else "not shown to differ"
