"""From a path to its results: the runs a sweep asks for, or all that a store knows."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from hpcsweep.errors import NewerFormatError, UsageError
from hpcsweep.halving.of_sweep import halved, with_stopped
from hpcsweep.metrics import Direction, merged
from hpcsweep.results.columns import Records
from hpcsweep.results.frames import Entry, Results, history_frame, runs_frame
from hpcsweep.results.origins import with_accumulated
from hpcsweep.results.reading import read_records
from hpcsweep.store import Store
from hpcsweep.store.opening import Say, Source, StoreSource, open_source, tell, words_of_sweep
from hpcsweep.store.remarks import Remarks, read_remarks
from hpcsweep.store.results import read_result
from hpcsweep.store.stamps import ResultStamp, result_stamps
from hpcsweep.store.states import RunState
from hpcsweep.store.today import Today
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run

ResultsSource = Source | Results


def load(source: ResultsSource, *, store: StoreSource = None, say: Say = tell) -> Results:
    """Return the results of a sweep, finished or not, or of a whole store (its folder); results are returned as given.

    `store` says where a sweep's results are, if not in HPCSWEEP_STORE, the profile's `store` or the study's `results/`.
    Raises UsageError if `source` is neither, SweepFileError or JobError if the sweep file is wrong, StoreError if the
    store is.
    """
    if isinstance(source, Results):
        return source
    sweep, opened = open_source(source, store=store, say=say)
    return of_store(opened) if sweep is None else of_sweep(sweep, opened)


def of_sweep(sweep: Sweep, store: Store) -> Results:
    """Return the results of every run that `sweep` asks for."""
    runs = list(sweep.runs)
    stamps = result_stamps(store.packs, {run.trajectory for run in runs})
    wanted = {run.id: stamps[run.id] for run in runs if run.id in stamps}
    words = tuple(words_of_sweep(sweep, store))
    today = Today(store, sweep.root, sweep.code_files(), sweep.data_folder)
    job, halving = sweep.job.reference, halved(sweep, store)
    found = _assemble(sweep.name, store, job, runs, wanted, sweep.directions, today, halving.stopped)
    return replace(
        found,
        layout=sweep.table,
        expected=sweep.expected,
        words=words,
        file=sweep.path.absolute(),
        rungs=halving.lines,
        last_rung=sweep.halving.epochs[-1] if sweep.halving else None,
    )


def of_store(store: Store) -> Results:
    """Return the results of every run that `store` holds or that any submission in it names."""
    if not store.layout.format.exists() and not store.layout.trajectories.is_dir():
        raise UsageError(f"{store.root}: is not a store; expected a folder of results (or name a sweep file)")
    stamps = result_stamps(store.packs)
    runs, directions = _told_by_manifests(store)
    known = {run.id for run in runs}
    runs += [Run(stamp.run, stamp.trajectory, 0, (), ()) for stamp in stamps.values() if stamp.run not in known]
    return _assemble(store.root.name, store, "", runs, stamps, directions)


def _told_by_manifests(store: Store) -> tuple[list[Run], dict[str, Direction | None]]:
    """Return all runs that submissions name, and whether more or less of a metric is better, as last declared."""
    runs: dict[str, Run] = {}
    last_words: dict[str, Mapping[str, Direction]] = {}
    for manifest in store.manifests():
        last_words[manifest.sweep] = manifest.settings.metrics
        for trajectory in manifest.trajectories:
            for run in trajectory.runs:
                values = tuple(run.params.values())
                runs[run.id] = Run(run.id, trajectory.id, trajectory.seed, tuple(run.params), values)
    return list(runs.values()), merged(last_words.values())


def _assemble(
    title: str,
    store: Store,
    job: str,
    runs: Sequence[Run],
    stamps: Mapping[str, ResultStamp],
    directions: Mapping[str, Direction | None],
    today: Today | None = None,
    stopped: Collection[str] = (),
) -> Results:
    records, unread = read_records(store, stamps)
    ordered = _with_remarks(store, _entries(store, job, runs, records, unread, today, stopped))
    frame, own, returned = runs_frame(ordered, records, directions)
    return with_accumulated(
        Results(
            title=title,
            runs=frame,
            parameters=tuple(dict.fromkeys(name for entry in ordered for name in entry.params)),
            metrics=tuple(name for name in records.history if name != "epoch"),
            returned=returned,
            own=own,
            directions=directions,
            store=store.root.absolute(),
            read_history=lambda: history_frame(records),
            read_facts=lambda run_id: (
                read_result(store.folder(stamps[run_id].trajectory), run_id, with_arrays=False).facts
            ),
            read_arrays=lambda run_ids: {
                run_id: read_result(store.folder(stamps[run_id].trajectory), run_id).arrays
                for run_id in run_ids
                if run_id in stamps
            },
            read_log=lambda trajectory_id: _newest_log(store, trajectory_id),
        )
    )


def _with_remarks(store: Store, entries: list[Entry]) -> list[Entry]:
    found, unread = read_remarks(store.layout)
    for line in unread:
        tell(line)
    if not found:
        return entries
    remarks = Remarks(found)
    return [replace(entry, remarks=remarks.about(entry.id, entry.job, entry.params)) for entry in entries]


def _newest_log(store: Store, trajectory_id: str) -> str:
    """Return what the newest attempt at a trajectory printed, "" if there was none."""
    paths = store.log_paths(trajectory_id)
    return store.folder(trajectory_id).read(paths[-1]).decode(errors="replace") if paths else ""


def _entries(
    store: Store,
    job: str,
    runs: Sequence[Run],
    records: Records,
    unread: Mapping[str, OSError],
    today: Today | None,
    stopped: Collection[str],
) -> list[Entry]:
    """Return what the tables say of each run, in the order of `runs`."""
    entries = _finished(records, {run.id: run for run in runs})
    for run in runs:
        if error := unread.get(run.id):
            state = RunState.NEWER if isinstance(error, NewerFormatError) else RunState.CORRUPT
            entries[run.id] = Entry(run.id, run.trajectory, job, run.seed, run.params, state, str(error))
    unfinished = [run for run in runs if run.id not in entries]
    states = with_stopped(store.states(unfinished) if unfinished else {}, stopped)
    entries |= {run.id: _unfinished(store, run, job, states.get(run.id, RunState.NEW)) for run in unfinished}
    if today is not None:
        for run_id, seen in today.judge(runs, {run_id: entry.state for run_id, entry in entries.items()}).items():
            if entries[run_id].state != RunState.DIVERGED:
                entries[run_id] = replace(entries[run_id], state=seen.state, cause=seen.cause)
    return [entries[run.id] for run in runs]


def _finished(records: Records, runs: Mapping[str, Run]) -> dict[str, Entry]:
    columns = records.runs[["id", "trajectory", "job", "seed", "params", "outcome"]]
    entries: dict[str, Entry] = {}
    for run_id, trajectory, job, seed, text, outcome in columns.itertuples(index=False, name=None):
        params = json.loads(text)
        state, cause = outcome, None
        asked = runs[run_id].params
        if any(name in asked and asked[name] != value for name, value in params.items()):
            state = RunState.OTHER_DEFAULTS
            cause = "its result was measured with other parameters (a default of the job was changed)"
        entries[run_id] = Entry(run_id, trajectory, job, seed, {**params, **asked}, state, cause)
    return entries


def _unfinished(store: Store, run: Run, job: str, state: str) -> Entry:
    cause, reached = None, float("nan")
    if state == RunState.FAILED:
        failure = store.failure(run.trajectory)
        cause = str(failure.why) if failure else "failed, with no cause recorded"
    elif state in (RunState.RUNNING, RunState.RESUMABLE):
        progress = store.progress(run.trajectory) or {}
        reached = float(progress.get("epoch", reached))
    return Entry(run.id, run.trajectory, job, run.seed, run.params, state, cause, reached)
