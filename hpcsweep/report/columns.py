"""The runs as columns of JSON, every value of which reads back exactly."""

from __future__ import annotations

import math
from typing import Any

from hpcsweep.results import Results
from hpcsweep.results.frames import as_key, distinct

EXACT = 2**53  # a script's numbers are floats: a larger integer would be another one there
FEW = 4  # a column with fewer distinct values than a quarter of its rows is written as their places in a list


def columns_of(results: Results) -> dict[str, dict[str, Any]]:
    """Return {name: column} of all columns that a condition may name.

    A column has `role` ("parameter", "result" or "own"), and either `values`, one per run, or `distinct` and `at`, the
    place of each run's value in it. With `nan`, a missing value (null) is NaN, else it is None.
    """
    came_out = set(numbers_of_runs(results))
    columns = {}
    for name in map(str, results.runs):
        role = "parameter" if name in results.parameters else "result" if name in came_out else "own"
        columns[name] = {"role": role, **_column(results.runs[name])}
    return columns


def numbers_of_runs(results: Results) -> list[str]:
    """Return the columns that hold what the runs came to: summaries of metrics, and what the jobs returned."""
    logged = {theirs for ours, theirs in results.own.items() if ours.partition("_")[2] in results.metrics}
    return [str(name) for name in results.runs if name in logged or name in results.returned]


def json_value(value: Any) -> Any:
    """Return a value as the page's script reads it back exactly: null is None, a list may be a tuple."""
    value = as_key(value)
    if isinstance(value, tuple):
        return [json_value(item) for item in value]
    if isinstance(value, int) and abs(value) > EXACT:
        return {"integer": str(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value


def _column(column: Any) -> dict[str, Any]:
    nan = {} if column.dtype == object else {"nan": True}
    values = [None if nan and value != value else json_value(value) for value in column.tolist()]
    places = {_key(json_value(value)): json_value(value) for value in distinct(column.dropna() if nan else column)}
    places |= {_key(value): value for value in values}
    if len(places) * FEW > len(values):
        return {**nan, "values": values}
    order = {key: place for place, key in enumerate(places)}
    return {**nan, "distinct": list(places.values()), "at": [order[_key(value)] for value in values]}


def _key(value: Any) -> Any:
    return type(value).__name__, str(value)
