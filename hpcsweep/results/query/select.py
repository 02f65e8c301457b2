"""Which runs a question is about: the results of a path, those that meet a condition, and their settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from hpcsweep.errors import NothingSelectedError
from hpcsweep.results.frames import Results
from hpcsweep.results.loading import ResultsSource, load
from hpcsweep.results.query.where import parse_condition
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
    condition = parse_condition(where, (*results.own, *map(str, results.runs)))
    rows = settings_of(results, condition.names)
    keep = [condition(dict(zip(condition.names, row, strict=True))) for row in rows]
    if not any(keep):
        raise NothingSelectedError(f"--where {where!r}: none of the {len(keep)} runs meets it")
    return replace(results, runs=results.runs[keep].reset_index(drop=True))


def axis_column(results: Results, name: str) -> pd.Series[Any]:
    """Return the column that a name means: that of a parameter, or else one of ours."""
    return results.runs[name] if name in results.runs else results.column(name)


def settings_of(results: Results, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return for each run its values of `names`, parameters or columns of ours; an empty tuple if there are none."""
    columns = [axis_column(results, name).tolist() for name in names]
    return list(zip(*columns, strict=True)) if columns else [()] * len(results.runs)
