"""Called by a task's batch script, on the host, when its worker has ended: bring the sweep up to the workers it wants.

`python -m hpcsweep.slurm.sending.resubmit SUBMISSION TASK HOW`. HOW is "resubmit" if the worker asks for a successor,
"requeue" if its task goes back into the queue by itself, and "died".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from hpcsweep.errors import HpcsweepError, SchedulerError
from hpcsweep.slurm.on_node.worker import count_fruitless
from hpcsweep.slurm.sending.submit import recover, submit_array
from hpcsweep.slurm.terms import SlurmTerms, WorkerArray
from hpcsweep.slurm.watching.causes import is_signal
from hpcsweep.slurm.watching.history import newest_attempt
from hpcsweep.slurm.watching.living import look_at_workforce, newest_submission
from hpcsweep.slurm.watching.queue import ask_squeue
from hpcsweep.store import Store
from hpcsweep.store.claims import hold_patiently
from hpcsweep.store.events import Event
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import ManifestTrajectory, read_manifest
from hpcsweep.store.task_files import Sender, SlurmFiles, array_of, slurm_submissions
from hpcsweep.store.wanted import Wanted, read_wanted
from hpcsweep.suggest.orders import orders_of
from hpcsweep.sweep.choices import ContinueBy

RESUBMIT, REQUEUE, DIED = "resubmit", "requeue", "died"
# for whoever else counts, who may have counted this task as living; the task's own time runs meanwhile, or is over soon
PATIENCE_S = {RESUBMIT: 20.0, REQUEUE: 0.0, DIED: 90.0}


def bring_up(files: SlurmFiles, task: str, how: str = RESUBMIT) -> str | None:
    """Queue the workers that the sweep of `task` lacks, and return their array; None if it lacks none."""
    sweep = files.path.parent.name
    manifest = read_manifest(files.submission.manifest)
    store = Store(files.submission.store_root, lease_s=manifest.lease_s, probes=True)
    folder = store.layout.workforce(sweep)
    with hold_patiently(folder, task, store.lease_s, PATIENCE_S[how]) as claim:
        if claim is None:
            if how == REQUEUE:
                return None  # somebody is counting, and this task counts as living
            raise SchedulerError(f"{folder.path}: somebody else sends workers of this sweep now; resume it later")
        submissions = slurm_submissions(store.layout, sweep)
        newest = newest_submission(submissions, files)
        if newest.cancelled.exists() or newest.submission.halted.exists():
            return None
        for one in submissions:
            recover(one)
        return _send(submissions, newest, store, task, how, _fruitless(files, task))


def _send(
    submissions: list[SlurmFiles], newest: SlurmFiles, store: Store, task: str, how: str, fruitless: int
) -> str | None:
    sent_before = sum(sent.workers for sent in newest.arrays() if sent.why == Sender.SUBMIT)
    wanted = read_wanted(store.layout, newest.path.parent.name) or Wanted(sent_before)
    queue = ask_squeue(submissions)
    if queue.problem:
        raise SchedulerError(f"SLURM does not answer ({queue.problem})")
    terms = SlurmTerms.from_json(newest.read_terms())
    force = look_at_workforce(submissions, queue, terms, less=None if how == REQUEUE else task)
    left = (one for one in _unfinished(newest, store) if one.id not in force.covered)
    lacking = len(list(islice(left, wanted.workers))) - len(force.following)
    if lacking < 1:
        return None
    array = WorkerArray(
        lacking,
        len(force.following),
        wanted.workers,
        why=f"after {task}",
        fruitless=fruitless,
        at_once=force.throttle(lacking, terms.at_once),
    )
    return submit_array(newest, terms, array, lambda words: print(f"hpcsweep: {words}", flush=True)).array


def _unfinished(files: SlurmFiles, store: Store) -> Iterator[ManifestTrajectory]:
    """Yield the trajectories of a submission that are neither done nor failed, nor stopped by somebody."""
    for one in orders_of(store, read_manifest(files.submission.manifest)).now().trajectories:
        seen = store.look(one.id)
        over = seen.failed_generation > one.retry or all(run.id in seen.done for run in one.runs)
        if not over and not seen.folder.cancelled.exists():
            yield one


def _fruitless(files: SlurmFiles, task: str) -> int:
    before = next((sent.fruitless for sent in files.arrays() if sent.array == array_of(task)), 0)
    return count_fruitless(files.events(task), before)


def may_be_replaced(files: SlurmFiles, task: str) -> bool:
    """Whether another worker may fare better than one that died; if not for its like died before, that is written down.

    What ended before the worker began, by itself, would end the next one too: somebody must mend the profile.
    """
    terms = SlurmTerms.from_json(files.read_terms())
    if terms.continue_by not in (ContinueBy.REQUEUE, ContinueBy.RESUBMIT):
        return False
    attempt = newest_attempt(files.events(task))
    begun = any(event["event"] == Event.START for event in attempt)
    killed = any(event["event"] == Event.EXIT and is_signal(int(event.get("code", 0))) for event in attempt)
    if not begun and not killed:
        return False
    fruitless = _fruitless(files, task)
    if fruitless > terms.max_fruitless:
        files.add_event(task, Event.GAVE_UP, fruitless=fruitless)
        return False
    return True


def main(submission: str, task: str, how: str = RESUBMIT) -> int:
    """Bring the sweep up to the workers it wants; exit code 1 lets the batch script try something else."""
    files = SlurmFiles(SubmissionFolder(Path(submission)))
    try:
        if how == DIED and not may_be_replaced(files, task):
            return 0
        if array := bring_up(files, task, how):
            print(f"hpcsweep: continued as array {array}", flush=True)
        if how != REQUEUE:
            files.add_event(task, Event.CONTINUED, array=array)
    except HpcsweepError as error:
        print(f"hpcsweep: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
