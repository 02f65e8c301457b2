"""From a path to its results: the runs a sweep asks for, or all that a store knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from hpcsweep.errors import UsageError
from hpcsweep.metrics import Direction, merged
from hpcsweep.results.frames import Results, history_frame, runs_frame
from hpcsweep.results.origins import with_accumulated
from hpcsweep.results.reading import read_records
from hpcsweep.results.standing import standing_of
from hpcsweep.store import Store
from hpcsweep.store.opening import Say, Source, StoreSource, open_source, tell, words_of_sweep
from hpcsweep.store.results import read_result
from hpcsweep.store.stamps import ResultStamp, result_stamps
from hpcsweep.store.today import Today
from hpcsweep.suggest.of_sweep import decided
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, collector_paused

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
    with collector_paused():
        return of_store(opened) if sweep is None else of_sweep(sweep, opened)


def of_sweep(sweep: Sweep, store: Store) -> Results:
    """Return the results of every run that `sweep` asks for."""
    runs = sweep.runs
    stamps = result_stamps(store.packs, {run.trajectory for run in runs})
    wanted = {run.id: stamps[run.id] for run in runs if run.id in stamps}
    words = tuple(words_of_sweep(sweep, store))
    today = Today(store, sweep.root, sweep.code_files(), sweep.data_folder)
    job, halving = sweep.job.reference, decided(sweep, store)
    found = _assemble(sweep.name, store, job, runs, wanted, sweep.directions, today, halving.stopped)
    return replace(
        found,
        layout=sweep.table,
        expected=sweep.expected,
        words=words,
        file=sweep.path.absolute(),
        rungs=halving.lines,
        halving=sweep.halving,
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
    standing = standing_of(store, job, runs, records, unread, today, stopped)
    frame, own, returned = runs_frame(standing, records, directions)
    return with_accumulated(
        Results(
            title=title,
            runs=frame,
            parameters=tuple(standing.params),
            metrics=records.metrics,
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


def _newest_log(store: Store, trajectory_id: str) -> str:
    """Return what the newest attempt at a trajectory printed, "" if there was none."""
    paths = store.log_paths(trajectory_id)
    return store.folder(trajectory_id).read(paths[-1]).decode(errors="replace") if paths else ""
