"""Which workers have died, and of what: the files are asked first, and SLURM counts if it knows better."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hpcsweep.slurm.watching.causes import (
    BEFORE_WORK,
    VAGUE,
    WANT_MORE,
    cause_of_exit,
    cause_of_task,
    cause_of_words,
    why_not_begun,
)
from hpcsweep.slurm.watching.history import TaskHistory
from hpcsweep.slurm.watching.queue import Queue, Task
from hpcsweep.store.causes import Cause


@dataclass(frozen=True)
class Death:
    """An array task that ended before its work was done; `again`: SLURM has put it back into the queue, or another
    worker has taken its place.

    `said`: what kept its worker from beginning, in one line; only the first such task of an array is asked. `used_gb`:
    the most memory that one of its processes was seen to use, 0 if that is not known.
    """

    task: str
    cause: Cause
    node: str = ""
    again: bool = False
    said: str = ""
    used_gb: float = 0.0


def find_deaths(tasks: Iterable[TaskHistory], queue: Queue) -> Iterator[Death]:
    """Yield the deaths among `tasks`; `queue` is SLURM's one answer, which may be that it does not know."""
    asked: set[tuple[str, Cause]] = set()
    for task in tasks:
        told = queue.newest(task.name)
        if told and told.living:
            # only the loss of its node keeps a batch script from writing down how the attempt ended
            if told.state == "PENDING" and task.begun and not task.exit:
                yield Death(task.name, Cause.NODE_FAILED, task.node, again=True)
            continue
        # a cluster may keep the tasks of other users to itself
        cause = _cause(task, told, answered=queue.answered and task.files.is_own)
        if cause:
            kind = (str(task.array.array), cause)
            said = why_not_begun(task.last_words()) if cause in BEFORE_WORK and kind not in asked else ""
            asked.add(kind)
            node = (told.node if told else "") or task.node
            yield Death(task.name, cause, node, again=task.was_replaced and cause not in WANT_MORE, said=said)


def _cause(task: TaskHistory, told: Task | None, *, answered: bool) -> Cause | None:
    """Return what a task that is not in the queue died of; None if it ended well, or if nobody knows that it ended."""
    slurm = cause_of_task(told) if told else None
    if task.stop and slurm is Cause.TIMEOUT:
        return None  # it had stopped by itself, and SLURM cut off what followed
    if slurm and slurm not in VAGUE:
        return slurm
    if task.exit:
        return _cause_of_exit(task, task.exit) or (Cause.CANCELLED if answered and _was_taken_away(task) else None)
    if not answered or (told and not slurm):
        return slurm
    if not task.begun:
        return slurm or Cause.NEVER_BEGAN
    return cause_of_words(task.last_words()) or slurm or Cause.LOST


def _was_taken_away(task: TaskHistory) -> bool:
    """Whether SLURM ended a task that would have continued: what was requeued is in the queue, or was cancelled there.

    SLURM's own line says it where the batch script was killed before it could write it down.
    """
    would_continue = bool(task.stop and task.stop.get("next"))
    return would_continue and (task.ended_by_slurm or cause_of_words(task.last_words()) is Cause.CANCELLED)


def _cause_of_exit(task: TaskHistory, end: dict[str, Any]) -> Cause | None:
    """Return what the files say: best what SLURM's step daemon wrote into the worker's log, otherwise the exit code."""
    by_code = cause_of_exit(int(end.get("code", 0)))
    if task.stop:
        return by_code
    if by_code is Cause.RAISED and not task.worker_began:
        by_code = Cause.NOT_BEGUN
    # srun may return 0 when SLURM cuts it off, so an end is good only if the worker itself has announced it
    by_code = by_code or Cause.LOST
    return (cause_of_words(task.last_words()) if by_code in (*VAGUE, Cause.CANCELLED) else None) or by_code
