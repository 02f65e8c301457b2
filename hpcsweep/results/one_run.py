"""Everything that is recorded of one run, and how two or more runs differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.files import plain
from hpcsweep.metrics import metrics_among
from hpcsweep.results.summaries import Array
from hpcsweep.run_notes import collapsed_classes, joined, joined_after, notes_of_run
from hpcsweep.store import Store
from hpcsweep.store.remarks import Remarks, read_remarks
from hpcsweep.store.results import Result, read_result
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import Run, short_id

KINDS = ("parameter", "identity", "summary", "returned", "fact")


def record_of(store: Store, trajectory_id: str, run_id: str) -> dict[str, Any]:
    """Return everything recorded of a run as JSON can hold it (numbers that are not finite as "nan", "inf", "-inf").

    A finished run has `id`, `trajectory`, `job`, `seed`, `params`, `state`, `epoch`, `metrics`, each recorded fact by
    its name, `history` (metric to list), `arrays`. Others have `state`, and what is known of progress and failure.
    """
    folder = store.folder(trajectory_id)
    if folder.has(folder.result(run_id)):
        return _finished(store, read_result(folder, run_id))
    state = store.states([Run(run_id, trajectory_id, 0, (), ())]).get(run_id, RunState.NEW)
    record: dict[str, Any] = {"id": run_id, "trajectory": trajectory_id, "state": state}
    remarks = Remarks(read_remarks(store.layout)[0]).about(run_id, "", {})
    record |= {"notes": joined(remarks["note"]), "tags": joined(remarks["tag"])}
    record |= {"progress": store.progress(trajectory_id), "cause": None, "traceback": None}
    failure = store.failure(trajectory_id)
    if failure:
        record |= {"cause": str(failure.why), "traceback": failure.traceback}
    record["logs"] = [str(path) for path in store.log_paths(trajectory_id)]
    fit_for_json: dict[str, Any] = plain(record)
    return fit_for_json


def diff_of(store: Store, runs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return one row for each thing in which finished runs differ; `runs` are (trajectory id, run id).

    Columns: `kind` (parameter, identity, summary, returned, fact), `name`, one column per run under its short id, and
    for two runs `difference` (second minus first) if both are numbers. The last rows, of kind `history`, say at which
    epoch a metric first differs in any bit.
    """
    results = [read_result(store.folder(trajectory_id), run_id) for trajectory_id, run_id in runs]
    heads = [short_id(result.id) for result in results]
    if len(set(heads)) < len(heads):
        heads = [f"{number}: {head}" for number, head in enumerate(heads, 1)]
    sides = [_sides(result) for result in results]
    rows = []
    for kind, name in dict.fromkeys(place for side in sides for place in side):
        values = [side.get((kind, name)) for side in sides]
        if any(not _same(values[0], value) for value in values[1:]):
            rows.append({"kind": kind, "name": name, **dict(zip(heads, values, strict=True))})
    rows += [{"kind": "history", **row} for row in _first_differences(results, heads)]
    frame = pd.DataFrame(rows, columns=["kind", "name", *heads], dtype=object)
    if len(results) == 2:
        pairs = zip(frame[heads[0]], frame[heads[1]], strict=True)
        frame["difference"] = pd.Series([_less(before, after) for before, after in pairs], dtype=object)
    return frame


def _finished(store: Store, result: Result) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": result.id,
        "trajectory": result.trajectory,
        "job": result.job,
        "seed": result.seed,
        "params": result.params,
        "state": result.outcome,
        "epoch": result.epoch,
        "metrics": result.metrics,
    }
    record |= {name: value for name, value in result.facts.items() if name not in record}
    record["history"] = {name: column.tolist() for name, column in result.history.items()}
    record["arrays"] = {name: array.tolist() for name, array in result.arrays.items()}
    confusion = result.arrays.get("confusion_matrix")
    remarks = Remarks(read_remarks(store.layout)[0]).about(result.id, result.job, result.params)
    record |= {"notes": joined_after(_notes_of(result), remarks["note"]), "tags": joined(remarks["tag"])}
    if confusion is not None:
        record["collapsed_classes"] = collapsed_classes(confusion)
    fit_for_json: dict[str, Any] = plain(record)
    return fit_for_json


def _notes_of(result: Result) -> str | None:
    return notes_of_run(result.history, result.arrays.get("confusion_matrix"))


def _sides(result: Result) -> dict[tuple[str, str], Any]:
    side: dict[tuple[str, str], Any] = {("parameter", name): value for name, value in result.params.items()}
    side[("identity", "job")], side[("identity", "seed")] = result.job, result.seed
    side[("identity", "state")], side[("identity", "epoch")] = result.outcome, result.epoch
    for name, column in result.history.items():
        trained = column[np.asarray(result.history["epoch"]) >= 1]
        if name != "epoch" and len(trained):
            side[("summary", f"last_{name}")] = float(trained[-1])
    side |= {("returned", name): value for name, value in result.metrics.items()}
    side |= {("fact", name): value for name, value in result.facts.items() if name != "attempts"}
    return side


def _first_differences(results: Sequence[Result], heads: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    names = dict.fromkeys(name for result in results for name in metrics_among(result.history))
    for name in names:
        columns = [result.history.get(name, np.array([])) for result in results]
        at = min(_first_difference(columns[0], column) for column in columns[1:])
        if at < max(map(len, columns)):
            values = [float(column[at]) if at < len(column) else None for column in columns]
            epoch = next(int(r.history["epoch"][at]) for r, c in zip(results, columns, strict=True) if at < len(c))
            rows.append({"name": f"{name} first differs at epoch {epoch}", **dict(zip(heads, values, strict=True))})
    return rows


def _first_difference(left: Array, right: Array) -> int:
    shorter = min(len(left), len(right))
    unequal = np.flatnonzero(left[:shorter].view(np.int64) != right[:shorter].view(np.int64))  # bits: NaN equals itself
    if len(unequal):
        return int(unequal[0])
    return shorter


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right):
        return True
    return type(left) is type(right) and bool(left == right)


def _less(before: Any, after: Any) -> float | None:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (before, after))
    return after - before if numbers else None
