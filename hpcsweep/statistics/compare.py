"""Does one value of a parameter do better than another? Runs that differ in nothing else are compared as pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from hpcsweep.errors import UsageError, nearest
from hpcsweep.results import Results, ResultsSource
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.over_epochs import BY_CHANCE, epochs_to_be_best_in
from hpcsweep.results.query.select import results_of, settings_of
from hpcsweep.results.query.values import Value, default_value, finished, value_of
from hpcsweep.statistics.paired import LARGEST, least_spread, paired_t_test, step_between
from hpcsweep.store.opening import StoreSource

SIGNIFICANT = 0.05
MORE_EPOCHS = f"no claim: {BY_CHANCE}; compare the last epoch"
Runs = dict[Any, dict[Any, tuple[float, float]]]
"""{value of the parameter: {(seed, all other parameters): (number, epochs)}} of the runs that are done.

A number that is no best of epochs has 0 epochs.
"""


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
    averaged, so n counts seeds, which are independent, and not settings, which are not. Then comes a paired t test,
    with Holm's correction over all rows (Holm 1979, Scand. J. Statist. 6:65). It assumes that the differences over
    seeds are roughly normal, and is kept at its level where they are coarse or some runs collapse. Nothing is claimed
    from fewer than 3 seeds, nor from a maximum or minimum over different numbers of epochs.
    Columns: `parameter`, `metric`, `first`, `second`, `n_seeds`, `n_pairs`, `difference` (second minus first),
    `ci_low`, `ci_high` (95 %), `p`, `p_holm`, `verdict`.
    Raises UsageError for a parameter that does not vary.
    """
    results = results_of(source, where=where, store=store)
    if parameter not in results.varying():
        varying = ", ".join(results.varying()) or "none"
        hint = nearest(parameter, results.varying())
        raise UsageError(f'the parameter "{parameter}" does not vary{hint}; those that do: {varying}')
    return compare_all(results, [parameter], value)


def compare_all(
    results: Results, parameters: Sequence[str], value: str | None = None, *, share: float = 1.0
) -> pd.DataFrame:
    """Return the rows of `compare` for several parameters, with one correction over all of them.

    `share` is what these comparisons have of the false claims that a report may make.
    """
    shown = value_of(results, value or default_value(results))
    rows = [row for parameter in parameters for row in _rows(results, parameter, shown)]
    for row, p_holm in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = min(1.0, p_holm / share) if p_holm == p_holm else math.nan
        if not row["verdict"]:
            row["verdict"] = "different" if row["p_holm"] < SIGNIFICANT else "not shown to differ"
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


def _rows(results: Results, parameter: str, shown: Value) -> Iterator[dict[str, Any]]:
    runs = _by_value(results, parameter, shown)
    step = step_between(number for of in runs.values() for number, _ in of.values())
    for first, second in combinations(distinct(results.runs[parameter]), 2):
        before, after = runs.get(first, {}), runs.get(second, {})
        compared = _compared(before, after, step)
        if any(before[setting][1] != after[setting][1] for setting in before.keys() & after.keys()):
            compared |= {"ci_low": math.nan, "ci_high": math.nan, "p": math.nan, "verdict": MORE_EPOCHS}
        yield {"parameter": parameter, "metric": shown.name, "first": first, "second": second, **compared}


def _by_value(results: Results, parameter: str, shown: Value) -> Runs:
    others = [name for name in results.parameters if name != parameter]
    settings = settings_of(results, [results.own["seed"], *others])
    among = epochs_to_be_best_in(results, shown.name)
    epochs = [0.0] * len(settings) if among is None else among.tolist()
    columns = (finished(results, shown), results.runs[parameter].tolist(), shown.numbers, epochs, settings)
    grouped: Runs = {}
    for is_finished, value, number, of_epochs, setting in zip(*columns, strict=True):
        if is_finished:
            grouped.setdefault(value, {})[setting] = min(max(float(number), -LARGEST), LARGEST), of_epochs
    return grouped


def _compared(
    before: dict[Any, tuple[float, float]], after: dict[Any, tuple[float, float]], step: float
) -> dict[str, Any]:
    by_seed: dict[Any, list[float]] = {}
    of_settings: dict[Any, list[float]] = {}
    for seed, *setting in before.keys() & after.keys():
        difference = after[(seed, *setting)][0] - before[(seed, *setting)][0]
        by_seed.setdefault(seed, []).append(difference)
        of_settings.setdefault(tuple(setting), []).append(difference)
    differences = [math.fsum(by_seed[seed]) / len(by_seed[seed]) for seed in sorted(by_seed)]
    tested = paired_t_test(differences, least_spread(of_settings.values(), step))
    return {
        "n_seeds": len(differences),
        "n_pairs": sum(map(len, by_seed.values())),
        "difference": tested.difference,
        "ci_low": tested.low,
        "ci_high": tested.high,
        "p": tested.p,
        "verdict": f"no claim: {tested.why_not}" if tested.why_not else "",
    }
