"""Which runs a question is about: the results of a path, those that meet a condition, and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from hpcsweep.errors import NothingSelectedError, UsageError, nearest
from hpcsweep.results.frames import Results
from hpcsweep.results.loading import ResultsSource, load
from hpcsweep.results.query.where import parse_condition
from hpcsweep.results.query.words import COLUMNS, Words
from hpcsweep.store.opening import StoreSource


def results_of(source: ResultsSource, *, where: str | None = None, store: StoreSource = None) -> Results:
    """Return the results of a sweep, a store or results, of the runs that fulfil the condition `where`.

    Raises what `results.load` raises, and NothingSelectedError if no run fulfils the condition.
    """
    return select(load(source, store=store), where)


def select(results: Results, where: str | None) -> Results:
    """Return the results of the runs that meet the condition `where`; NothingSelectedError if none does."""
    if not where:
        return results
    words = columns_of_words(results)
    condition = parse_condition(where, (*results.own, *map(str, results.runs), *words))
    columns = [
        [Words(text) for text in _values(results.column(words[name]))]
        if name in words
        else _values(axis_column(results, name))
        for name in condition.names
    ]
    rows = list(zip(*columns, strict=True)) if columns else [()] * len(results.runs)
    keep = [condition(dict(zip(condition.names, row, strict=True))) for row in rows]
    if not any(keep):
        raise NothingSelectedError(f"--where {where!r}: none of the {len(keep)} runs meets it")
    return _of_their_jobs(results, replace(results, runs=results.runs[keep].reset_index(drop=True)))


def columns_of_words(results: Results) -> dict[str, str]:
    """Return {name: column of ours} of the names that mean any word of a run, where no parameter has such a name."""
    return {name: column for name, column in COLUMNS.items() if name not in results.runs and column in results.own}


def _of_their_jobs(results: Results, chosen: Results) -> Results:
    """Return chosen runs of a store without the parameters and metrics that only other jobs of the store have."""
    if "job" not in results.own:
        return chosen
    of_job = results.column("job").isin(chosen.column("job").unique())
    if of_job.all():
        return chosen
    theirs = results.runs[of_job.to_numpy()]
    foreign = {name for name in results.runs if not theirs[name].notna().any() and results.runs[name].notna().any()}
    own = {name: column for name, column in results.own.items() if column not in foreign}
    return replace(
        chosen,
        runs=chosen.runs.drop(columns=list(foreign)),
        parameters=tuple(name for name in results.parameters if name not in foreign),
        metrics=tuple(name for name in results.metrics if f"last_{name}" in own),
        returned=tuple(name for name in results.returned if name not in foreign),
        own=own,
    )


def axis_column(results: Results, name: str) -> pd.Series[Any]:
    """Return the column that a name means: that of a parameter, or else one of ours."""
    return results.runs[name] if name in results.runs else results.column(name)


def with_others_that_vary(results: Results, names: Sequence[str], pool: Sequence[str] = ()) -> tuple[str, ...]:
    """Return `names` and the parameters that vary beside them, so that runs told apart differ in their seeds only.

    Left out are those to `pool`, and those that divide nothing further. Raises UsageError for one that is no parameter.
    """
    for name in pool:
        if name not in results.parameters:
            hint = nearest(name, results.parameters)
            raise UsageError(f'--pool: no parameter is called "{name}"{hint}; expected one of: {known(results)}')
    told = tuple(names)
    for name in results.varying():
        if name not in (*told, *pool) and _divides(results, told, name):
            told = (*told, name)
    return told


def known(results: Results) -> str:
    """Return the names of the parameters, to be told to a user."""
    return ", ".join(results.parameters) or "none"


def _divides(results: Results, names: Sequence[str], name: str) -> bool:
    return len(set(settings_of(results, (*names, name)))) > len(set(settings_of(results, names)))


def settings_of(results: Results, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return for each run its values of `names`, parameters or columns of ours; an empty tuple if there are none.

    A text that is missing is None, which an empty text is not.
    """
    columns = [_values(axis_column(results, name)) for name in names]
    return list(zip(*columns, strict=True)) if columns else [()] * len(results.runs)


def _values(column: pd.Series[Any]) -> list[Any]:
    if column.dtype != object and pd.api.types.is_string_dtype(column.dtype) and column.hasnans:
        return [value if isinstance(value, str) else None for value in column.tolist()]
    return column.tolist()
