"""Stopping the workers of a sweep, or the training of single runs, with checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsweep.errors import SchedulerError, UsageError, to_type
from hpcsweep.launch.html import page
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.store import Store
from hpcsweep.store.opening import Say, Source, StoreSource, open_source, tell, words_of_sweep
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import short_id


@dataclass(frozen=True)
class Cancelled:
    """What was told to stop: arrays of workers (and job names of those whose array is not known), or runs by id."""

    arrays: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        first, *others = self.lines or ("nothing to cancel",)
        return page(first, lines=others)


def cancel(source: Source, *runs: str, store: StoreSource = None, say: Say = tell) -> Cancelled:
    """Stop the workers of a sweep, or only the training of `runs` (ids, or beginnings of ids) in its store.

    Workers have time to write checkpoints; what is done stays, and `resume` continues from there. To cancel a run is to
    cancel the other runs of its trajectory too; its worker notices at the next heartbeat. `source` is a sweep, or for
    runs also a store (its folder). Raises NothingSelectedError if there is no such run, SchedulerError if SLURM did not
    answer: then no worker will continue by itself, but workers in the queue stay there.
    """
    sweep, opened = open_source(source, store=store, say=say)
    if runs:
        return _cancel_runs(opened, [opened.find_run(run) for run in runs])
    if sweep is None:
        raise UsageError(f"{opened.root}: found a store without a run, expected runs as well, or a sweep file")
    return _cancel_sweep(sweep, opened, say)


def _cancel_sweep(sweep: Sweep, store: Store, say: Say) -> Cancelled:
    submissions = [files for files in slurm_submissions(store.layout, sweep.name) if not files.cancelled.exists()]
    arrays = [str(sent.array) for files in submissions for sent in files.arrays()]
    names = [sent.job_name for files in submissions for sent in files.interrupted()]
    for files in submissions:
        files.cancelled.touch()  # first, so that no worker that ends now is continued
    here = _cancel_workers_of_machines(sweep, store)
    if not arrays and not names:
        if not here:
            say(f"{sweep.name} has no workers, neither in SLURM's queue nor on a machine")
        return Cancelled(lines=here)
    if problem := SLURM.cancel(arrays, names):
        raise SchedulerError(
            f"no worker will be continued, but those in the queue could not be reached ({problem}); "
            f"type the same again later: {to_type('cancel', *words_of_sweep(sweep, store))}"
        )
    line = f"{sweep.name}: cancelled; to continue later: {to_type('resume', *words_of_sweep(sweep, store))}"
    return Cancelled(arrays=(*arrays, *names), lines=(*here, line))


def _cancel_workers_of_machines(sweep: Sweep, store: Store) -> tuple[str, ...]:
    """Tell the workers that `hpcsweep run` has started, here or on another machine, to stop; they look every second."""
    owners = (store.owner_at_work(trajectory) for trajectory in dict.fromkeys(run.trajectory for run in sweep.runs))
    if not any(owner and not owner.get("events") for owner in owners):
        return ()
    for submission in store.layout.submissions(sweep.name):
        if not SlurmFiles(submission).is_slurm:
            submission.cancelled.touch()
    again = to_type("run", *words_of_sweep(sweep, store))
    return (f"{sweep.name}: its workers write checkpoints and stop; to continue later: {again}",)


def _cancel_runs(store: Store, found: list[tuple[str, str]]) -> Cancelled:
    for trajectory_id, _ in found:
        folder = store.folder(trajectory_id)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.cancelled.touch()
    ids = tuple(run_id for _, run_id in found)
    lines = tuple(
        f"run {short_id(run_id)}: its worker stops training it, and the other runs of its trajectory, at the next "
        "heartbeat; they continue when they are submitted again"
        for run_id in ids
    )
    return Cancelled(runs=ids, lines=lines)
