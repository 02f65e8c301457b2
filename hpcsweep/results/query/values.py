"""What a table can show of a run: a summary column, a time, or the epochs it took to reach a threshold."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import NothingSelectedError, UsageError, nearest
from hpcsweep.metrics import (
    HEADLINES,
    SECONDS,
    STATISTICS,
    Direction,
    declaration,
    is_accuracy,
    is_declared,
    metrics_among,
)
from hpcsweep.results.frames import Results
from hpcsweep.results.query.where import parse_expression
from hpcsweep.store.states import COUNTED, FINISHED

_OPERATORS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.GtE: (">=", operator.ge),
    ast.Gt: (">", operator.gt),
    ast.LtE: ("<=", operator.le),
    ast.Lt: ("<", operator.lt),
}
_REACHING = ("epochs_to", "seconds_to")


@dataclass(frozen=True)
class Value:
    """One number per run: its `name`, the numbers (float64 [runs], NaN for none) and whether more or less is better."""

    name: str
    numbers: Any
    better: Direction | None
    is_accuracy: bool
    may_be_unreached: bool = False


def value_of(results: Results, text: str) -> Value:
    """Return the numbers that `text` names: a column, a metric (its last value), `epochs_to(metric >= number)`."""
    if not anything_finished(results):  # it is not known what the runs will log: a table of missing cells
        return Value(text, np.full(len(results.runs), np.nan), results.better(text), is_accuracy(text))
    if "(" in text and text not in {*results.own, *results.runs, *results.metrics}:
        return _reaching(results, text)
    column = find_column(results, text)
    numbers = pd.to_numeric(results.runs[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    name = next((ours for ours, theirs in results.own.items() if theirs == column), column)
    return Value(name, numbers, results.better(name), is_accuracy(name))


def direction_of(results: Results, name: str) -> Direction:
    """Return whether more or less of a metric or its summary is better; UsageError, with what to type, if unknown."""
    way = results.better(name)
    if way is None:
        raise UsageError(f"{name}: {unknown_direction(results, name)}")
    return way


def unknown_direction(results: Results, name: str) -> str:
    """Say that it is not known whether more or less of a metric or its summary is better, and what helps."""
    metric = metric_of(results, name) or name
    if is_declared(metric, results.directions):
        return "the sweeps of this store contradict each other in [metrics]; name a sweep file instead"
    return f"it is not known whether more or less is better; say it in the sweep file: {declaration(metric)}"


def metric_of(results: Results, name: str) -> str | None:
    """Return the metric, logged or returned, that a value is or summarises; None if there is none."""
    statistic, _, metric = name.partition("_")
    if statistic in STATISTICS and metric in results.metrics:
        return metric
    return name if name in results.returned or results.own.get(name) in results.returned else None


def anything_finished(results: Results) -> bool:
    """Tell whether any run has numbers."""
    return bool(results.in_state(*FINISHED).any())


def finished(results: Results, shown: Value) -> Any:
    """Return which runs are done and have a finite number of `shown`, bool [runs]."""
    return results.in_state(*COUNTED) & np.isfinite(shown.numbers)


def default_value(results: Results) -> str:
    """Return the value to show if none was named: of the first of `_headlines` that all runs with numbers have.

    If there is none, which happens in a store of several jobs, it is the one that most of them have.
    """
    done = results.in_state(*COUNTED)
    names = list(_headlines(results))
    if not names and not anything_finished(results):
        raise NothingSelectedError(f"{results.title}: no run is finished yet; type: {results.to_type('run')}")
    having = [int(results.runs.loc[done, results.own.get(name, name)].notna().sum()) for name in names]
    return names[having.index(max(having))] if names else "time_s"


def _headlines(results: Results) -> Iterator[str]:
    """Give the values that may stand for a run, the likeliest first.

    First what [metrics] declares, then what is known on validation data, what the job returned, what it logged, each
    if it is known which way is better, then all others. Numbers on test data come last: nothing is chosen by them.
    """
    logged = sorted(metrics_among(results.metrics), key=lambda name: (not _is_validation(name), _fame(name)))
    returned = [name for name in results.returned if name.removeprefix("final_") not in logged]
    found = [*(f"last_{name}" for name in logged if _is_validation(name)), *returned]
    found += [f"last_{name}" for name in logged if not _is_validation(name)]
    declared = [name for name in found if is_declared(name, results.directions)]
    known = [name for name in found if results.better(name) is not None]
    others = sorted([*declared, *known, *found], key=metric_is_test)
    yield from dict.fromkeys(others)


def _is_validation(metric: str) -> bool:
    return metric.startswith("val_")


def metric_is_test(name: str) -> bool:
    """Tell whether a metric, or a summary of it, is on test data, by its name."""
    return "test" in name.split("_")


def _fame(metric: str) -> int:
    return HEADLINES.index(metric) if metric in HEADLINES else len(HEADLINES)


def find_column(results: Results, text: str) -> str:
    """Return the column that `text` names; UsageError with the nearest name if no column of numbers has that name."""
    for name in (text, f"last_{text}"):
        if name in results.own:
            return results.own[name]
    if text in results.runs and pd.api.types.is_numeric_dtype(results.runs[text]):
        return text
    known = [*results.own, *results.metrics, *results.returned]
    summaries = f"{{{','.join(STATISTICS)}}}_METRIC"
    metrics = ", ".join(results.metrics) or "none yet"
    raise UsageError(
        f'no value is called "{text}"{nearest(text, known)}; expected {summaries}, time_s or epochs_to(METRIC >= '
        f"NUMBER), with METRIC one of: {metrics}"
    )


def _reaching(results: Results, text: str) -> Value:
    function, metric, symbol, compare, threshold = _parse_reaching(results, text)
    history = results.history()
    codes = history["id"].cat.codes.to_numpy()
    hit = compare(history[metric].to_numpy(), threshold)
    seconds = history[SECONDS].fillna(0).to_numpy() if function == "seconds_to" else None
    amount = history["epoch"].to_numpy(dtype=np.float64)
    if seconds is not None:
        amount = _seconds_so_far(seconds, codes)
    reached, first = np.unique(codes[hit], return_index=True)
    by_id = dict(zip(history["id"].cat.categories[reached], amount[hit][first], strict=True))
    numbers = np.array([by_id.get(run_id, np.nan) for run_id in results.column("id")])
    name = f"{function}({metric}{symbol}{threshold:g})"
    return Value(name, numbers, "min", is_accuracy=False, may_be_unreached=True)


def _parse_reaching(results: Results, text: str) -> tuple[str, str, str, Callable[[Any, Any], Any], float]:
    expected = "expected epochs_to(METRIC >= NUMBER) or seconds_to(...), such as epochs_to(val_accuracy>=0.8)"
    match parse_expression(text, "--value", results.metrics):
        case ast.Call(
            func=ast.Name(id=function),
            args=[ast.Compare(left=ast.Name(id=metric), ops=[sign], comparators=[number])],
            keywords=[],
        ) if function in _REACHING and type(sign) in _OPERATORS:
            pass
        case _:
            raise UsageError(f"--value {text!r}: {expected}")
    try:
        threshold = float(ast.literal_eval(number))
    except (ValueError, TypeError):
        raise UsageError(f"--value {text!r}: {ast.unparse(number)!r} is not a number; {expected}") from None
    if metric not in results.metrics or (function == "seconds_to" and SECONDS not in results.metrics):
        known = ", ".join(results.metrics) or "none"
        raise UsageError(
            f'--value {text!r}: no metric is called "{metric}"{nearest(metric, results.metrics)}; '
            f"logged by epoch are: {known}"
        )
    return function, metric, *_OPERATORS[type(sign)], threshold


def _seconds_so_far(seconds: Any, codes: Any) -> Any:
    total = np.cumsum(seconds)
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    before = np.repeat(total[starts] - seconds[starts], np.diff([*starts, len(codes)]))
    return total - before
