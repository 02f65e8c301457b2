"""Which workers of a sweep live, by SLURM's one answer and by the files; and how many it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpcsweep.errors import StoreError
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.slurm.text import parse_time
from hpcsweep.slurm.watching.history import newest_attempt
from hpcsweep.slurm.watching.queue import Queue, Task
from hpcsweep.store.events import Event
from hpcsweep.store.manifest import read_manifest
from hpcsweep.store.task_files import Sender, SlurmFiles


@dataclass(frozen=True)
class Workforce:
    """The living workers of a sweep.

    `following` take orders from the newest submission. Those `apart`, which have other resources, do what their own
    submission names. So do those that another user has sent: `covered` are the trajectories that are left to them.
    `at_once` of this user's may run at the same time, by the throttles of their arrays. `unread` names the records that
    cannot be read, so that nobody knows what their workers are left to do.
    """

    following: tuple[Task, ...] = ()
    apart: tuple[Task, ...] = ()
    covered: frozenset[str] = frozenset()
    at_once: int = 0
    unread: tuple[str, ...] = ()

    def throttle(self, workers: int, bound: int) -> int:
        """Return how many workers of a new array may run at the same time if `bound` of the sweep's may; 0: all.

        It is at least one: SLURM takes no array of which none may run.
        """
        return min(workers, max(bound - self.at_once, 1)) if bound else workers


NOBODY = Workforce()


def look_at_workforce(
    submissions: Iterable[SlurmFiles], queue: Queue, terms: SlurmTerms, *, less: str | None = None
) -> Workforce:
    """Return who of a sweep's living workers, but for the task `less`, would follow a submission on these terms."""
    following: list[Task] = []
    apart: list[Task] = []
    covered: set[str] = set()
    at_once = 0
    unread: list[str] = []
    for files in submissions:
        unread += map(str, files.unread())
        tasks = [] if files.cancelled.exists() else [one for one in living_workers(files, queue) if one.name != less]
        if files.submission.halted.exists():
            tasks = [task for task in tasks if task.state == "PENDING"]  # those at work begin nothing more, and end
        if not tasks:
            continue
        if not files.is_own:
            try:
                covered.update(one.id for one in read_manifest(files.submission.manifest).trajectories)
            except StoreError as error:
                unread.append(str(error))
            continue
        at_once += _at_once(files, tasks)
        if _terms_are_alike(files, terms):
            following += tasks
        else:
            apart += tasks
    return Workforce(tuple(following), tuple(apart), frozenset(covered), at_once, tuple(unread))


def _at_once(files: SlurmFiles, tasks: Sequence[Task]) -> int:
    living = Counter(task.array for task in tasks)
    return sum(min(sent.throttle, living[str(sent.array)]) for sent in files.arrays())


def living_workers(files: SlurmFiles, queue: Queue) -> list[Task]:
    """Return the workers of a submission that are queued or running, and not about to end.

    The links of a chain that wait for their predecessors are no workers yet.
    """
    return [
        task
        for sent in files.arrays()
        for task in queue.living([str(sent.array)])
        if not (sent.why == Sender.CHAIN and task.reason == "Dependency") and not _is_ending(files, task)
    ]


def newest_submission(submissions: Sequence[SlurmFiles], files: SlurmFiles) -> SlurmFiles:
    """Return whose orders a worker of `files` takes: the newest submission that is its user's and asks for its like.

    That is its own if there is no such, or if its own was cancelled.
    """
    if files.cancelled.exists():
        return files
    newer = [other for other in submissions if other.path.name > files.path.name]
    return following(newer, SlurmTerms.from_json(files.read_terms())) or files


def following(submissions: Sequence[SlurmFiles], terms: SlurmTerms) -> SlurmFiles | None:
    """Return the newest submission whose orders this user's workers on such terms take; None if there is none."""
    for files in reversed(submissions):
        if files.is_own and not files.cancelled.exists() and _terms_are_alike(files, terms) and _can_be_read(files):
            return files
    return None


def _terms_are_alike(files: SlurmFiles, terms: SlurmTerms) -> bool:
    try:
        return SlurmTerms.from_json(files.read_terms()).alike(terms)
    except (StoreError, KeyError, TypeError):
        return False


def _can_be_read(files: SlurmFiles) -> bool:
    """Whether this release can do what a submission asks for: a later one may have written it."""
    try:
        return bool(read_manifest(files.submission.manifest, to_train=True).trajectories)
    except StoreError:
        return False


def _is_ending(files: SlurmFiles, task: Task) -> bool:
    """Whether the batch script of a task has written down that its worker ended, and it is not to be continued."""
    if task.state not in ("RUNNING", "COMPLETING"):
        return False
    events = newest_attempt(files.events(task.name))
    end = next((event for event in events if event["event"] == Event.EXIT), None)
    stop = next((event for event in events if event["event"] == Event.STOP), {})
    started = parse_time(task.start)
    if end is None or (started is not None and float(end["time"]) < started.timestamp()):  # of an earlier attempt
        return False
    return not stop.get("next")
