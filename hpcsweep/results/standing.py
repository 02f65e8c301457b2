"""How each run of a sweep or a store stands, in columns: a row per run, whether it has a result or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcsweep.errors import NewerFormatError
from hpcsweep.halving.of_sweep import with_stopped
from hpcsweep.results.columns import Records
from hpcsweep.results.summaries import Array
from hpcsweep.store import Store
from hpcsweep.store.opening import tell
from hpcsweep.store.remarks import Remarks, read_remarks
from hpcsweep.store.states import RunState
from hpcsweep.store.today import Today
from hpcsweep.sweep.runs import Run

_DIFFERS = "its result was measured with other parameters (a default of the job was changed)"


@dataclass
class Standing:
    """Columns of equal length, in the order of the runs; `records` [runs] is the row of each in the records, or -1.

    `params` has a column for each parameter that any run has, None in the rows of the others; `remarks` the columns
    "note" and "tag", each run's own texts.
    """

    ids: list[str]
    trajectories: list[str]
    jobs: list[str]
    seeds: list[int]
    params: dict[str, list[Any]]
    states: list[str]
    causes: list[str | None]
    reached_epochs: list[float]
    remarks: dict[str, list[Sequence[str]]]
    records: Array


def standing_of(
    store: Store,
    job: str,
    runs: Sequence[Run],
    records: Records,
    unread: Mapping[str, OSError],
    today: Today | None,
    stopped: Collection[str],
) -> Standing:
    """Return how `runs` stand; of runs that have no names of parameters, only the results know them."""
    row_of = {run_id: row for row, run_id in enumerate(records.runs["id"].tolist())}
    rows = [row_of.get(run.id, -1) for run in runs]
    others, differing = _stored_params(runs, rows, records)
    jobs = _of_records(records, "job", rows, [job] * len(runs))
    standing = Standing(
        ids=[run.id for run in runs],
        trajectories=[run.trajectory for run in runs],
        jobs=jobs,
        seeds=_of_records(records, "seed", rows, [run.seed for run in runs]),
        params=_params(runs, others),
        states=_of_records(records, "outcome", rows, [RunState.NEW] * len(runs)),
        causes=[None] * len(runs),
        reached_epochs=[float("nan")] * len(runs),
        remarks=_remarks(store, jobs, runs, others),
        records=np.array(rows, dtype=np.int64),
    )
    for at in differing:
        standing.states[at], standing.causes[at] = RunState.OTHER_DEFAULTS, _DIFFERS
    _add_unfinished(standing, store, runs, unread, stopped)
    if today is not None:
        _judge(standing, runs, today)
    return standing


def _of_records(records: Records, name: str, rows: Sequence[int], otherwise: list[Any]) -> list[Any]:
    found = records.runs[name].tolist()
    return [found[row] if row >= 0 else other for row, other in zip(rows, otherwise, strict=True)]


def _stored_params(
    runs: Sequence[Run], rows: Sequence[int], records: Records
) -> tuple[dict[int, dict[str, Any]], list[int]]:
    """Return the parameters of those results that have others than their run asks for, and which contradict it.

    A result is compared as text first: reading the JSON of each of 100,000 results takes longer than all else here.
    """
    texts = records.runs["params"].tolist()
    others: dict[int, dict[str, Any]] = {}
    differing: list[int] = []
    text_of, names = _texts(()), None
    for at, (run, row) in enumerate(zip(runs, rows, strict=True)):
        if row < 0 or (run.names == names and texts[row] == text_of(run.values)):
            continue
        stored, asked = json.loads(texts[row]), run.params
        # a job in memory may have had tuples, which JSON knows as lists
        if any(name in asked and json.loads(json.dumps(asked[name])) != value for name, value in stored.items()):
            differing.append(at)
        if not stored.keys() <= asked.keys():
            others[at] = stored
        else:  # the next results most likely have these names in this order, too
            names, text_of = run.names, _texts([(name, run.names.index(name)) for name in stored])
    return others, differing


def _texts(places: Sequence[tuple[str, int]]) -> Callable[[Sequence[Any]], str]:
    """Return what writes values, the names of which are at these places, as the JSON text of a result's parameters."""
    columns: list[tuple[str, int, dict[tuple[type, Any], str]]] = [
        (f"{json.dumps(name)}: ", at, {}) for name, at in places
    ]
    return lambda values: "{" + ", ".join([head + _text_of(values[at], known) for head, at, known in columns]) + "}"


def _text_of(value: Any, known: dict[tuple[type, Any], str]) -> str:
    try:
        return known[type(value), value]
    except KeyError:
        return known.setdefault((type(value), value), json.dumps(value))
    except TypeError:  # a list
        return json.dumps(value)


def _params(runs: Sequence[Run], others: Mapping[int, Mapping[str, Any]]) -> dict[str, list[Any]]:
    if not others and len({run.names for run in runs}) == 1:
        return {name: [run.values[at] for run in runs] for at, name in enumerate(runs[0].names)}
    each = _params_of_each(runs, others)
    return {name: [params.get(name) for params in each] for name in dict.fromkeys(name for one in each for name in one)}


def _params_of_each(runs: Sequence[Run], others: Mapping[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**others.get(at, {}), **run.params} for at, run in enumerate(runs)]


def _remarks(
    store: Store, jobs: Sequence[str], runs: Sequence[Run], others: Mapping[int, Mapping[str, Any]]
) -> dict[str, list[Sequence[str]]]:
    found, unread = read_remarks(store.layout)
    for line in unread:
        tell(line)
    if not found:
        return {kind: [()] * len(runs) for kind in ("note", "tag")}
    remarks, each = Remarks(found), _params_of_each(runs, others)
    about = [remarks.about(run.id, job, params) for run, job, params in zip(runs, jobs, each, strict=True)]
    return {kind: [one[kind] for one in about] for kind in ("note", "tag")}


def _add_unfinished(
    standing: Standing, store: Store, runs: Sequence[Run], unread: Mapping[str, OSError], stopped: Collection[str]
) -> None:
    without = [(at, runs[at]) for at in np.flatnonzero(standing.records < 0).tolist()]
    states = store.states([run for _, run in without if run.id not in unread]) if without else {}
    states = with_stopped(states, stopped)
    for at, run in without:
        if error := unread.get(run.id):
            standing.states[at] = RunState.NEWER if isinstance(error, NewerFormatError) else RunState.CORRUPT
            standing.causes[at] = str(error)
            continue
        state = standing.states[at] = states.get(run.id, RunState.NEW)
        if state == RunState.FAILED:
            failure = store.failure(run.trajectory)
            standing.causes[at] = str(failure.why) if failure else "failed, with no cause recorded"
        elif state in (RunState.RUNNING, RunState.RESUMABLE):
            progress = store.progress(run.trajectory) or {}
            standing.reached_epochs[at] = float(progress.get("epoch", "nan"))


def _judge(standing: Standing, runs: Sequence[Run], today: Today) -> None:
    judged = today.judge(runs, dict(zip(standing.ids, standing.states, strict=True)))
    if not judged:
        return
    for at, (run_id, state) in enumerate(zip(standing.ids, standing.states, strict=True)):
        if run_id in judged and state != RunState.DIVERGED:
            standing.states[at], standing.causes[at] = judged[run_id].state, judged[run_id].cause
