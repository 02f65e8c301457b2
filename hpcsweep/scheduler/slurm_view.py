"""SLURM's side of a sweep: which workers wait, run or have died, and of what. The store stays the truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcsweep.scheduler.slurm_causes import LOST, NO_RESULT, TIMEOUT, Cause, cause_of_exit, cause_of_task
from hpcsweep.scheduler.slurm_queue import Queue, Task, ask_sacct, ask_squeue
from hpcsweep.scheduler.slurm_reasons import PendingReason
from hpcsweep.store import Store
from hpcsweep.store.manifest import read_manifest
from hpcsweep.store.slurm_files import SlurmFiles, slurm_submissions

ENDED_EVENTS = ("exit", "stop")


@dataclass(frozen=True)
class Death:
    """An array task that ended other than by having nothing left to do."""

    task: str
    cause: Cause
    node: str = ""
    detail: str = ""


@dataclass(frozen=True)
class SlurmView:
    """What SLURM and the batch scripts say of a sweep's workers."""

    pending: list[Task] = field(default_factory=list)
    running: list[Task] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def reasons(self) -> list[tuple[int, PendingReason]]:
        """Return why tasks wait, with how many wait for it, most first."""
        counts = Counter(task.reason for task in self.pending)
        by_code = {task.reason: task.why_pending for task in self.pending}
        return [(count, by_code[code]) for code, count in counts.most_common()]

    def deaths_by_cause(self) -> list[tuple[Cause, list[Death]]]:
        """Return the deaths, grouped."""
        groups: dict[str, list[Death]] = defaultdict(list)
        for death in self.deaths:
            groups[death.cause.name].append(death)
        return [(group[0].cause, group) for group in groups.values()]


def covered_trajectories(store: Store, sweep: str, queue: Queue) -> set[str]:
    """Return the trajectories that workers of earlier submissions, queued or running now, will see to."""
    covered: set[str] = set()
    for files in slurm_submissions(store.layout, sweep):
        if queue.living(str(sent.array) for sent in files.arrays()) and not files.cancelled.exists():
            covered.update(one.id for one in read_manifest(files.submission.manifest).trajectories)
    return covered


def look_at_workers(store: Store, sweep: str) -> SlurmView:
    """Ask SLURM once about a sweep's workers, or not at all when the files say that all of them have ended.

    squeue knows the living and those that ended minutes ago. sacct is asked instead when a task left no word of its
    end; if it cannot answer, what squeue knows has to do.
    """
    submissions = slurm_submissions(store.layout, sweep)
    arrays = {str(sent.array): files for files in submissions for sent in files.arrays()}
    if not arrays:
        return SlurmView(notes=_interrupted(submissions))
    events = _events_by_task(submissions)
    open_arrays = [array for array, files in arrays.items() if not _all_ended(array, files, events)]
    queue = Queue({}) if not open_arrays else _ask(open_arrays, events)
    deaths = [*_recorded_deaths(events, queue), *_silent_deaths(arrays, events, queue)]
    living = queue.living(arrays)
    notes = [*_interrupted(submissions), *_notes_of_events(events, living)]
    if queue.problem:
        notes.append(f"SLURM does not answer ({queue.problem}); the states above are from the store")
    return SlurmView(
        pending=[task for task in living if task.state != "RUNNING"],
        running=[task for task in living if task.state == "RUNNING"],
        deaths=deaths,
        notes=notes,
    )


def _ask(arrays: list[str], events: dict[str, list[dict[str, Any]]]) -> Queue:
    silent = any(_array(task) in arrays and found[-1]["event"] not in ENDED_EVENTS for task, found in events.items())
    queue = ask_squeue(ended_too=True)
    known = {task.array for attempts in queue.tasks.values() for task in attempts}
    if not queue.problem and not silent and known.issuperset(arrays):
        return queue
    missing = [array for array in arrays if array not in known]
    if queue.problem or not missing:
        return queue
    purged = ask_sacct(missing)
    return queue if purged.problem else Queue({**purged.tasks, **queue.tasks})


def _events_by_task(submissions: list[SlurmFiles]) -> dict[str, list[dict[str, Any]]]:
    return {task: found for files in submissions for task in files.tasks() if (found := files.events(task))}


def _all_ended(array: str, files: SlurmFiles, events: dict[str, list[dict[str, Any]]]) -> bool:
    """Whether every worker of an array wrote down that it has ended for good."""
    size = next(sent.workers for sent in files.arrays() if sent.array == array)
    names = [array] if size == 1 else [f"{array}_{index}" for index in range(size)]
    return all(_ended_for_good(events.get(name, [])) for name in names)


def _ended_for_good(found: list[dict[str, Any]]) -> bool:
    if not found or found[-1]["event"] not in ("exit", "left", "continued"):
        return False
    if found[-1]["event"] != "exit":
        return True
    stop = _stop_of(found)
    continued = stop is not None and stop.get("why") in ("time", "preempted") and "gave_up" not in stop
    return stop is not None and not continued


def _stop_of(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what the worker said when it stopped, None if its newest attempt ended without a word of its own."""
    stops = [event for event in found if event["event"] == "stop"]
    return stops[-1] if stops and stops[-1].get("restart") == found[-1].get("restart") else None


def _recorded_deaths(events: dict[str, list[dict[str, Any]]], queue: Queue) -> list[Death]:
    """Return the deaths that the batch script saw, with SLURM's word where it knows better."""
    deaths = []
    for task, found in events.items():
        last = found[-1]
        # srun may return 0 when SLURM cuts it off, so a good end is one that the worker itself has announced
        silent = LOST if last["event"] == "exit" and _stop_of(found) is None else None
        cause = (cause_of_exit(int(last.get("code", 0))) or silent) if last["event"] == "exit" else None
        told = queue.newest(task)
        if told and told.living:
            continue
        slurm = cause_of_task(told) if told else None
        if slurm is TIMEOUT and _stop_of(found):
            continue  # it had stopped by itself, and SLURM cut off what came after
        if slurm is NO_RESULT:  # squeue says FAILED, and no more
            slurm = cause or slurm
        if cause or (slurm and last["event"] in ("exit", "start")):
            deaths.append(Death(task, slurm or cause or LOST, str(last.get("host", ""))))
    return deaths


def _silent_deaths(arrays: dict[str, SlurmFiles], events: dict[str, list[dict[str, Any]]], queue: Queue) -> list[Death]:
    """Return the deaths that only SLURM knows of: the task never began, or was cut off without a word."""
    deaths = []
    for task, attempts in queue.tasks.items():
        newest = attempts[-1]
        if newest.array not in arrays or newest.living or task in events:
            continue
        cause = cause_of_task(newest)
        if cause:
            deaths.append(Death(task, cause, newest.node, newest.reason))
    return deaths


def _notes_of_events(events: dict[str, list[dict[str, Any]]], living: list[Task]) -> list[str]:
    alive = {task.name for task in living}
    notes = []
    for task, found in events.items():
        nothing: dict[str, Any] = {}
        stop = next((event for event in reversed(found) if event["event"] == "stop"), nothing)
        if task in alive:
            continue
        if "gave_up" in stop:
            notes.append(
                f"worker {task} made no progress {stop['gave_up']} times in a row and was not continued; give it more "
                "time: hpcsweep resume SWEEP --time LONGER"
            )
        elif stop.get("why") == "too short":
            notes.append(
                f"worker {task}: what is left does not reach its first checkpoint in the time it was given; give it "
                "more: hpcsweep resume SWEEP --time LONGER"
            )
        elif found[-1]["event"] == "left":
            notes.append(f"worker {task} could not be continued from its node; type: hpcsweep resume SWEEP")
    return notes


def _interrupted(submissions: list[SlurmFiles]) -> list[str]:
    return [
        f"a submission of {sent.workers} workers was cut off half-way; see to it: hpcsweep submit SWEEP"
        for files in submissions
        for sent in files.interrupted(older_than_s=60.0)
    ]


def _array(task: str) -> str:
    return task.partition("_")[0]


def submissions_at_work(store: Store, sweeps: list[str]) -> list[Path]:
    """Return the folders of submissions with workers that are queued or running, or may be if SLURM is silent."""
    submissions = [files for sweep in sweeps for files in slurm_submissions(store.layout, sweep)]
    events = _events_by_task(submissions)
    open_ones = [
        files
        for files in submissions
        if files.interrupted() or not all(_all_ended(str(sent.array), files, events) for sent in files.arrays())
    ]
    queue = ask_squeue() if open_ones else Queue({})
    return [
        files.path
        for files in open_ones
        if queue.problem or files.interrupted() or queue.living(str(sent.array) for sent in files.arrays())
    ]
