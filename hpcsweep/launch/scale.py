"""Changing how many workers a sweep wants, up and down."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsweep.errors import SchedulerError, UsageError, to_type
from hpcsweep.launch.cluster import resume
from hpcsweep.launch.html import page
from hpcsweep.launch.submitted import Submitted
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.slurm.watching.living import living_workers
from hpcsweep.slurm.watching.queue import Task
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell, words_of_sweep
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions
from hpcsweep.store.wanted import Wanted, read_wanted, write_wanted


@dataclass(frozen=True)
class Scaled:
    """What was done to have as many workers as are wanted: some were sent, cancelled in the queue, or told to end."""

    workers: int
    sent: Submitted | None = None
    cancelled: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()

    def in_words(self) -> str:
        """Return it as a line for people."""
        if self.sent and self.sent.arrays:
            return self.sent.in_words()
        parts = [
            f"{len(self.cancelled)} waiting cancelled" if self.cancelled else "",
            f"{len(self.ending)} at work end at their next checkpoint" if self.ending else "",
        ]
        return f"workers wanted: {self.workers}; {', '.join(part for part in parts if part) or 'nothing to change'}"

    def _repr_html_(self) -> str:
        return page(self.in_words())


def scale(
    source: SweepSource, workers: int, *, store: StoreSource = None, profile: str | None = None, say: Say = tell
) -> Scaled:
    """Bring a sweep to `workers` workers, now and whenever workers are sent or end.

    Of those that are too many, the ones that wait are cancelled, and others end at a checkpoint, from which the rest
    continue. If there are too few, others are sent as the newest were, or with another `profile`. Raises UsageError for
    no worker at all, SchedulerError if SLURM does not answer.
    """
    sweep, opened = open_sweep(source, store=store, profile=profile, say=say)
    words = words_of_sweep(sweep, opened)
    if workers < 1:
        raise UsageError(f"workers: found {workers}, expected at least 1; to end all: {to_type('cancel', *words)}")
    submissions = [one for one in slurm_submissions(opened.layout, sweep.name) if not one.cancelled.exists()]
    queue = SLURM.living(submissions)
    if queue.problem:
        raise SchedulerError(f"SLURM does not answer ({queue.problem}); nothing was changed; type the same again later")
    living = [(task, files) for files in submissions for task in living_workers(files, queue)]
    if len(living) < workers:
        before = profile or (_profile_of(submissions[-1]) if submissions else None)
        return Scaled(workers, resume(sweep, store=opened, profile=before, say=say, workers=workers))
    kept = read_wanted(opened.layout, sweep.name) or Wanted(0)
    write_wanted(opened.layout, sweep.name, Wanted(workers, workers, kept.now(sweep.profile.workers).instead_of))
    return _end(workers, sorted(living, key=_order)[workers:])


def _profile_of(files: SlurmFiles) -> str | None:
    return str(files.read_terms().get("profile") or "") or None


def _order(worker: tuple[Task, SlurmFiles]) -> tuple[bool, str, str]:
    """Those at work come first, of these the ones that began first: they have the most to lose."""
    task, _ = worker
    return task.state == "PENDING", task.start, task.name


def _end(workers: int, surplus: list[tuple[Task, SlurmFiles]]) -> Scaled:
    for task, files in surplus:
        files.leave_path(task.name).touch()
    waiting = tuple(task.name for task, _ in surplus if task.state == "PENDING")
    at_work = tuple(task.name for task, _ in surplus if task.state != "PENDING")
    if problem := SLURM.cancel(waiting) or SLURM.wake(at_work):
        raise SchedulerError(f"SLURM does not answer ({problem}); workers that are not wanted end with their time")
    return Scaled(workers, cancelled=waiting, ending=at_work)
