"""By what runs were made: which of them are of one kind, and which began where another ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.results.frames import Results
from hpcsweep.results.text import TEXT
from hpcsweep.run_notes import joined_after
from hpcsweep.store.states import FINISHED

ORIGINS = {"code_sha256": "versions of the code", "data_sha256": "sets of data", "libraries": "sets of libraries"}
"""The columns that say by what a run was made, and what several of them are called."""


def differing_origins(results: Results) -> dict[str, list[Any]]:
    """Return the columns of ORIGINS in which runs differ, one value per run; what is not known of a run is None."""
    found = {}
    for name in ORIGINS:
        if name in results.own:
            column = results.column(name)
            if column.nunique() > 1:
                found[name] = column.astype(object).where(column.notna(), None).tolist()
    return found


def mixed_origins(differing: Mapping[str, Sequence[Any]], runs: Sequence[int]) -> dict[str, list[str]]:
    """Return the columns of `differing_origins` in which these runs (by their rows) differ, with what is found there.

    What is not known of a run makes no difference.
    """
    found = {}
    for name, column in differing.items():
        values = list(dict.fromkeys(column[run] for run in runs if column[run] is not None))
        if len(values) > 1:
            found[name] = values
    return found


def began_where_another_ended(results: Results) -> dict[str, str]:
    """Return {id of a run: id of another} where the first began with the very weights that the other ended with.

    Its model was not built anew. A longer run of the same trajectory may do so, if it went on from a checkpoint.
    """
    if "initial_weights_sha256" not in results.own:
        return {}
    finished = results.in_state(*FINISHED)
    begins, ends = (results.column(f"{name}_weights_sha256")[finished] for name in ("initial", "final"))
    shared = set(begins.dropna()).intersection(ends.dropna())
    if not shared:
        return {}
    either = (results.column(f"{name}_weights_sha256").isin(shared).to_numpy() for name in ("initial", "final"))
    finished = finished & np.logical_or(*either)
    names = ("id", "trajectory", "initial_weights_sha256", "final_weights_sha256", "restored")
    rows = results.runs.loc[finished, [results.own[name] for name in names]].to_dict(orient="split")["data"]
    return dict(_continued([dict(zip(names, row, strict=True)) for row in rows]))


def with_accumulated(results: Results) -> Results:
    """Return results in which the notes of the runs that `began_where_another_ended` say so."""
    found = began_where_another_ended(results)
    if not found:
        return results
    ids = results.column("id").tolist()
    before = results.column("notes").tolist()
    notes = [
        joined_after(text, ["accumulated"] if run_id in found else []) for run_id, text in zip(ids, before, strict=True)
    ]
    return replace(results, runs=results.runs.assign(**{results.own["notes"]: pd.Series(notes, dtype=TEXT)}))


def _continued(runs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    ends: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        if isinstance(run["final_weights_sha256"], str):
            ends.setdefault(run["final_weights_sha256"], []).append(run)
    for run in runs:
        for other in ends.get(run["initial_weights_sha256"], ()):
            if other["id"] != run["id"] and continued(run, other):
                yield run["id"], other["id"]
                break


def continued(run: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a run that began with the weights another ended with should not have: see `began_where_another_ended`."""
    return bool(other["trajectory"] != run["trajectory"] or run["restored"] != "true")
