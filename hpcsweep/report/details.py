"""What a report shows of single runs: confusion matrices of the best, what the failed said, and what made them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hpcsweep.errors import to_type
from hpcsweep.results import Results
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.values import value_of
from hpcsweep.store.states import COUNTED, FINISHED, RunState

MATRICES = 500
NUMBERS_OF_MATRICES = 500_000
TRACES = 200
LINES = 20


def by_merit(results: Results, values: list[dict[str, Any]]) -> list[int]:
    """Return the rows of the finished runs, the best by the first value first."""
    rows = np.flatnonzero(results.in_state(*FINISHED))
    if not values:
        return [int(row) for row in rows]
    numbers = value_of(results, values[0]["name"]).numbers[rows]
    order = np.argsort(numbers if values[0]["better"] == "min" else -numbers, kind="stable")
    return [int(row) for row in rows[order]]


def confusion_of(results: Results, values: list[dict[str, Any]]) -> dict[int, list[list[int]]]:
    """Return {row of a run: confusion matrix [true class, predicted class]} of the best runs that kept one."""
    if "collapsed_classes" not in results.own:
        return {}
    kept = results.column("collapsed_classes").notna().to_numpy()
    rows = [row for row in by_merit(results, values) if kept[row]][:MATRICES]
    ids = results.column("id")
    found: dict[int, list[list[int]]] = {}
    room = NUMBERS_OF_MATRICES
    for row in rows:
        counts = results.arrays([ids[row]]).get(ids[row], {}).get("confusion_matrix")
        if counts is not None and room >= counts.size:
            found[row] = counts.astype(int).tolist()
            room -= counts.size
    return found


def logs_of(results: Results) -> dict[int, str]:
    """Return {row: the last lines of what a failed run said} of the first failed runs."""
    rows = np.flatnonzero(results.in_state(RunState.FAILED))[:TRACES]
    trajectories = results.column("trajectory")
    texts = {int(row): results.read_log(trajectories[row]) for row in rows}
    return {row: "\n".join(text.splitlines()[-LINES:]) for row, text in texts.items() if text}


def commands(results: Results) -> dict[str, str]:
    """Return {what it is for: command} about the sweep, and about one run, whose id is still to be added.

    Those about a run, and the two that train what is missing, work from any folder of this machine.
    """
    store = () if results.store is None else ("--store", results.store)
    sweep = results.words if results.file is None else (results.file, *store)
    return {
        **{verb: results.to_type(verb) for verb in ("run", "verify", "table", "report")},
        "again": to_type("verify", *sweep, "--run"),
        "try": to_type("try", *sweep[:1], "--run"),
        "show": to_type("show", *store),
        "logs": to_type("logs", *store),
        "missing": to_type("run", *sweep),
        "failed": to_type("run", *sweep, "--failed"),
    }


def provenance(results: Results) -> Iterator[tuple[str, str]]:
    """Yield (name, values) of what is needed to repeat the sweep: versions, devices, code."""
    for name in ("job", "commit", "job_sha256", "engine", "backend", "device", "host"):
        if name not in results.own:
            continue
        found = [value for value in distinct(results.column(name)) if isinstance(value, str) and value]
        if found:
            yield name, ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    done = results.column("id")[results.in_state(*COUNTED)].tolist()
    facts = results.facts(done[0]) if done else {}
    for name, value in facts.items():
        if name not in results.own and not name.endswith("sha256") and isinstance(value, str | int | float):
            yield name, str(value)
    seconds = results.column("time_s")
    if seconds.notna().any():
        yield "time of all runs", f"{seconds.sum() / 3600:.3g} hours"
