"""SLURM's side of a sweep: which workers wait, run or have died, and of what. The truth is still the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.slurm.watching.causes import WANT_MORE
from hpcsweep.slurm.watching.deaths import Death, find_deaths
from hpcsweep.slurm.watching.history import TaskHistory, histories
from hpcsweep.slurm.watching.queue import Queue, Task, ask_sacct, ask_squeue
from hpcsweep.slurm.watching.reasons import PendingReason
from hpcsweep.store import Store
from hpcsweep.store.causes import Cause
from hpcsweep.store.events import Event, StopReason
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions
from hpcsweep.store.wanted import read_wanted

SHOWN = 4


@dataclass(frozen=True)
class Note:
    """Something that people should know about a worker, and a template of what to do; see store/causes.py."""

    what: str
    advice: str = ""

    def in_words(self, fill: Callable[[str], str]) -> str:
        """Return it as a line; `fill` puts commands into a template of advice."""
        return f"{self.what}; {fill(self.advice)}" if self.advice else self.what


@dataclass(frozen=True)
class SlurmView:
    """What SLURM and the batch scripts say about a sweep's workers.

    `wanted` is how many there are to be, if known. `finished`: nothing is left to train, so nobody need be sent.
    """

    wanted: int | None = None
    finished: bool = False
    pending: list[Task] = field(default_factory=list)
    running: list[Task] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def reasons(self) -> list[tuple[PendingReason, list[Task]]]:
        """Return why tasks wait, each reason with its tasks, the most frequent first."""
        groups: dict[PendingReason, list[Task]] = defaultdict(list)
        for task in self.pending:
            groups[task.why_pending].append(task)
        return sorted(groups.items(), key=lambda group: -len(group[1]))

    def deaths_by_cause(self) -> dict[Cause, list[Death]]:
        """Return the deaths, grouped."""
        groups: dict[Cause, list[Death]] = defaultdict(list)
        for death in self.deaths:
            groups[death.cause].append(death)
        return groups

    def to_json(self, fill: Callable[[str], str]) -> dict[str, Any]:
        """Return the view as `status --json` prints it, with notes in words (see Note)."""
        return {
            "wanted": self.wanted,
            "pending": len(self.pending),
            "running": [{"task": task.name, "node": task.node, "since": task.start} for task in self.running],
            "why_pending": [
                {"code": reason.code, "words": reason.words, "stuck": reason.stuck, "count": len(tasks)}
                for reason, tasks in self.reasons()
            ],
            "deaths": [
                {"task": death.task, "cause": death.cause, "node": death.node, "again": death.again, "said": death.said}
                for death in self.deaths
            ],
            "notes": [note.in_words(fill) for note in self.notes],
        }


def look_at_workers(store: Store, sweep: str, *, at_work: bool = False, left: int = 0) -> SlurmView:
    """Ask SLURM once about a sweep's workers, or not at all if the files say that all of them have ended.

    `at_work`: whether the store shows a run that is being trained, so that some worker is alive. `left`: how many
    trajectories are unfinished, which is as many workers as can be of use.
    """
    submissions = slurm_submissions(store.layout, sweep)
    tasks = list(_tasks_that_matter(submissions))
    queue = _ask([task for task in tasks if not task.ended_for_good], at_work=at_work)
    deaths = list(find_deaths(tasks, queue))
    living = queue.living({task.name.partition("_")[0] for task in tasks})
    notes = [*_interrupted(submissions), *_notes(tasks, living, deaths, queue), *_gave_up(tasks), *_unread(submissions)]
    wanted = None
    try:
        wanted = read_wanted(store.layout, sweep)
    except StoreError as error:
        notes.append(Note(str(error)))
    if queue.problem:
        notes.append(Note(f"SLURM does not answer ({queue.problem}); the states above are from the store"))
    elif hidden := _hidden(tasks, queue):
        notes.append(Note(f"SLURM says nothing here of {hidden} workers that others have sent; they may be at work"))
    elif wanted and not _is_stopped(submissions):
        lacking = _lacking(min(wanted.workers, left), living)
        notes += lacking
        if left and not lacking:
            deaths = [replace(one, again=one.again or one.cause not in WANT_MORE) for one in deaths]
    return SlurmView(
        wanted=wanted.workers if wanted else None,
        finished=not left,
        pending=[task for task in living if task.state != "RUNNING"],
        running=[task for task in living if task.state == "RUNNING"],
        deaths=deaths,
        notes=notes if left else [replace(note, advice="") for note in notes],
    )


def _tasks_that_matter(submissions: list[SlurmFiles]) -> Iterator[TaskHistory]:
    """Yield the tasks of the newest submission, which took over what older ones left, and of those still at work."""
    sent = [(files, tasks) for files in submissions if (tasks := list(histories(files)))]
    for files, tasks in sent:
        at_work = not files.cancelled.exists() and any(task.may_live() for task in tasks)
        if at_work or files is sent[-1][0]:
            yield from tasks


def _ask(tasks: list[TaskHistory], *, at_work: bool) -> Queue:
    """Ask one of SLURM's commands, never both: squeue while any of the tasks may be alive, otherwise sacct.

    Only squeue is right about the living, and only sacct, if there is accounting, remembers the dead.
    """
    if not tasks:
        return Queue({}, asked=False)
    submissions = {task.files.path: task.files for task in tasks}.values()
    if at_work or any(task.may_live() for task in tasks) or not any(map(_has_accounting, submissions)):
        return ask_squeue(submissions, ended_too=True)
    return ask_sacct(str(task.array.array) for task in tasks)


def _hidden(tasks: list[TaskHistory], queue: Queue) -> int:
    """Return how many tasks of other users have not ended, as far as can be seen: a cluster may hide them from us."""
    missing = [task for task in tasks if not task.files.is_own and not task.exit and not queue.newest(task.name)]
    return len(missing) if queue.answered else 0


def _is_stopped(submissions: list[SlurmFiles]) -> bool:
    """Whether the newest workers were cancelled, or their job cannot begin."""
    return any(one.cancelled.exists() or one.submission.halted.exists() for one in submissions[-1:])


def _lacking(useful: int, living: list[Task]) -> list[Note]:
    """Say that there are fewer workers than are wanted, and of use."""
    there = len([task for task in living if task.reason != "Dependency"])
    if there >= useful:
        return []
    if not there:
        return [Note(f"none of {useful} workers that are wanted lives, so none will send others", "type: {resume}")]
    return [Note(f"{there} of {useful} workers that are wanted live", "type: {resume}")]


def _gave_up(tasks: list[TaskHistory]) -> list[Note]:
    """Say that workers died again and again in the same place, so that no other was sent."""
    last = [event for task in tasks for event in task.events if event["event"] == Event.GAVE_UP]
    if not last:
        return []
    times = max(int(event.get("fruitless", 0)) for event in last)
    who = "1 worker was" if len(last) == 1 else f"{len(last)} workers were"
    told = f"{who} not replaced: {times} died in a row without bringing any run further"
    return [Note(told, "see why above, or by hpcsweep logs --worker; then: {resume}")]


def _has_accounting(files: SlurmFiles) -> bool:
    try:
        return bool(files.read_terms().get("accounting", True))
    except StoreError:
        return True


def _notes(tasks: list[TaskHistory], living: list[Task], deaths: list[Death], queue: Queue) -> list[Note]:
    told = {task.name for task in living} | {death.task for death in deaths}
    alike: dict[Note, list[str]] = defaultdict(list)
    for task in tasks:
        if task.name not in told and (note := _note(task, gone=queue.answered)):
            alike[note].append(task.name)
    return [replace(note, what=f"{_workers(names)}: {note.what}") for note, names in alike.items()]


def _workers(names: list[str]) -> str:
    more = " ..." if len(names) > SHOWN else ""
    return f"worker {names[0]}" if len(names) == 1 else f"{len(names)} workers ({' '.join(names[:SHOWN])}{more})"


def _note(task: TaskHistory, *, gone: bool) -> Note | None:
    """Return what people should know of a task that is not in the queue, but for its name; `gone`: SLURM says so."""
    stop = task.stop or {}
    if "gave_up" in stop:
        told = f"no progress {stop['gave_up']} times in a row, so not continued"
        return Note(told, "give it more time: {resume_with_more_time}")
    if stop.get("why") == StopReason.TOO_SHORT:
        told = "what is left cannot reach its first checkpoint in the time that was given"
        return Note(told, "give it more: {resume_with_more_time}")
    if stop.get("why") == StopReason.FAULT:
        told = "paused, as one fault of the machine followed the other, such as a full disk; see the log"
        return Note(told, "when that is mended: {resume}")
    left = any(event["event"] == Event.LEFT for event in task.events)
    if left or (gone and task.exit and stop.get("next") and not task.ended_for_good):
        return Note("could not be continued from the node", "type: {resume}")
    return None


def _interrupted(submissions: list[SlurmFiles]) -> list[Note]:
    return [
        Note(f"a submission of {sent.workers} workers was cut off half-way", "submit again: {submit}")
        for files in submissions
        for sent in files.interrupted(older_than_s=60.0)
    ]


def _unread(submissions: list[SlurmFiles]) -> list[Note]:
    """Name the records of what was sent that cannot be read; workers that SLURM knows count all the same."""
    return [Note(str(error)) for files in submissions for error in files.unread()]


def submissions_at_work(store: Store, sweeps: list[str]) -> list[Path]:
    """Return the folders of submissions with workers that are queued or running, or may be if SLURM does not answer."""
    submissions = [files for sweep in sweeps for files in slurm_submissions(store.layout, sweep)]
    open_ones = [
        files
        for files in submissions
        if files.interrupted() or not all(task.ended_for_good for task in histories(files))
    ]
    queue = ask_squeue(open_ones) if open_ones else Queue({}, asked=False)
    at_work = [
        files
        for files in open_ones
        if queue.problem
        or not files.is_own
        or files.interrupted()
        or queue.living(str(sent.array) for sent in files.arrays())
    ]
    # workers take their orders from the newest submission, whichever sent them
    followed = {files.path.parent: files.path for files in submissions}
    return list(dict.fromkeys(path for files in at_work for path in (files.path, followed[files.path.parent])))
