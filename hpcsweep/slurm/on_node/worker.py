"""A worker inside an array task: it knows its end, trains until that is near, and says how to continue.

This is what submitit calls on the node; all it is sent is this function, a path and numbers.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.home import spare_home
from hpcsweep.slurm.on_node.following import Following
from hpcsweep.slurm.on_node.gpu_sharing import find_sharing
from hpcsweep.slurm.on_node.processes import Team, plan_processes
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.slurm.text import parse_duration_s
from hpcsweep.slurm.watching.causes import STORE_UNREACHABLE_CODE
from hpcsweep.store.events import Event, StopReason
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.task_files import SlurmFiles, this_task
from hpcsweep.sweep.choices import ContinueBy
from hpcsweep.worker.endings import Ending, Tally
from hpcsweep.worker.stop_request import Stop

SIGNAL_EARLY_S = 75.0  # SLURM may send its warning up to a minute before the time that was asked for


def work_on_slurm(submission_path: str, index: int, workers: int, fruitless: int = 0) -> dict[str, int]:
    """Be worker `index` of `workers` in this array task; `fruitless` counts the attempts before it without progress."""
    spare_home(os.environ)
    try:
        files = SlurmFiles(SubmissionFolder(Path(submission_path)))
        terms = SlurmTerms.from_json(files.read_terms())
        task = this_task() or str(os.getpid())
        remove_leftovers(files, task)
        allocation = Allocation(files, terms, task, fruitless)
        allocation.begin()
    except (StoreError, OSError) as error:
        print(f"hpcsweep: the store cannot be used on this node: {error}", flush=True)
        os._exit(STORE_UNREACHABLE_CODE)
    return dict(allocation.train(index, workers))


class Allocation:
    """This array task's time, and what it leaves behind for its successor."""

    def __init__(self, files: SlurmFiles, terms: SlurmTerms, task: str, fruitless: int = 0) -> None:
        self._files, self._terms, self._task = files, terms, task
        self._restart = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
        self._fruitless = count_fruitless(files.events(task), fruitless)
        self._following = Following(files.submission)
        self.stop = Stop(time.monotonic() + remaining_s(terms), terms.margin_s, SIGNAL_EARLY_S + terms.margin_s)

    def begin(self) -> None:
        """Take over the signals, and record that this attempt has begun."""
        self.stop.listen()
        if self._files.leave_path(self._task).exists():
            self.stop.signal = signal.SIGUSR1
        node = os.environ.get("SLURMD_NODENAME") or os.uname().nodename
        facts = {"host": node, "pid": os.getpid(), "remaining_s": round(self.stop.remaining_s)}
        self._files.add_event(self._task, Event.START, restart=self._restart, fruitless=self._fruitless, **facts)

    def train(self, index: int, workers: int) -> Counter[str]:
        """Train until nothing is left or the time is up; then say how to continue."""
        processes = plan_processes(self._terms, os.environ)
        sharing = find_sharing(self._terms, os.environ, self._files.submission, index, workers)
        team = Team(self._files.submission, processes, self.stop, sharing.followers if sharing else None)
        endings = team.work(index, workers)
        self.end(endings)
        return endings

    def end(self, endings: Counter[str]) -> None:
        """Record why this attempt stopped, and tell the batch script how to continue."""
        progress = bool(endings[Tally.PROGRESSED])
        fruitless = 0 if progress else self._fruitless + 1
        why = self._why(endings)
        facts: dict[str, Any] = {"restart": self._restart, "why": why, "progress": progress, "endings": dict(endings)}
        ended = self._files.cancelled.exists() or self._following.look().halted.exists()
        go_on = "" if ended else self._mode(why)
        if go_on and fruitless >= self._terms.max_fruitless:
            go_on, facts["gave_up"] = "", fruitless
        self._files.add_event(self._task, Event.STOP, fruitless=fruitless, next=go_on, **facts)
        self._files.next_path(self._task, self._restart).write_text(go_on)

    def _why(self, endings: Counter[str]) -> StopReason:
        if self._superseded():
            return StopReason.SUPERSEDED
        return StopReason.NOT_WANTED if self._files.leave_path(self._task).exists() else _why(self.stop, endings)

    def _superseded(self) -> bool:
        """Whether SLURM has given this node up and started the task elsewhere, where alone it continues."""
        events = self._files.events(self._task)
        return any(event["event"] == Event.START and int(event.get("restart", 0)) > self._restart for event in events)

    def _mode(self, why: StopReason) -> str:
        """Return what the batch script is to do: a preempted task goes back to the queue, whatever was asked for."""
        if why is StopReason.PREEMPTED:
            return ContinueBy.REQUEUE
        by_itself = self._terms.continue_by in (ContinueBy.REQUEUE, ContinueBy.RESUBMIT)
        return self._terms.continue_by if why is StopReason.TIME and by_itself else ""


def _why(stop: Stop, endings: Counter[str]) -> StopReason:
    if stop.signal is not None and stop.remaining_s > stop.margin_s:
        return StopReason.PREEMPTED
    if stop.requested or endings[Tally.LATER]:
        return StopReason.TIME
    if endings[Ending.FAULT] and not endings[Tally.PROGRESSED]:
        return StopReason.FAULT
    return StopReason.TOO_SHORT if endings[Tally.TOO_SHORT] else StopReason.NOTHING_LEFT


def remaining_s(terms: SlurmTerms) -> float:
    """Return the seconds until this task's end, as SLURM said before Python started, or as the task asked for.

    The host asks once, since the limit may have been changed, and a container may have no squeue.
    """
    began = float(os.environ.get("HPCSWEEP_BEGAN") or time.time())
    since_s = max(0.0, time.time() - began)
    try:
        left_s = parse_duration_s(os.environ.get("HPCSWEEP_TIME_LEFT", "INVALID"))
    except ValueError:
        left_s = None
    if left_s is None and os.environ.get("HPCSWEEP_TIME_LEFT", "").upper() == "UNLIMITED":
        return float("inf")
    return (terms.request.minutes * 60 if left_s is None else left_s) - since_s


def count_fruitless(events: Iterable[Mapping[str, Any]], before: int) -> int:
    """Return how many attempts in a row, up to the last of these events, ended without progress; `before` as many.

    A worker that died has written nothing at its end.
    """
    count, stopped = before, None
    for event in events:
        if event["event"] == Event.START:
            count = int(event.get("fruitless", count))
        elif event["event"] == Event.PROGRESS:
            count = -1  # if it dies, that is no attempt without progress
        elif event["event"] == Event.STOP:
            count, stopped = int(event.get("fruitless", 0)), event.get("restart")
        elif event["event"] == Event.EXIT and event.get("restart") != stopped:
            count += 1
    return max(count, 0)


def remove_leftovers(files: SlurmFiles, task: str) -> None:
    """Remove a result that submitit was writing when it was killed: it would make every later attempt fail."""
    for path in files.workers.glob(f"{task}_*_result.save_tmp"):
        path.unlink(missing_ok=True)
    for path in files.workers.glob(f"{task}_*_result.pkl.save_tmp"):
        path.unlink(missing_ok=True)
