"""What the files of a submission say about each of its array tasks, whether or not SLURM knows the task."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hpcsweep.store.events import Event
from hpcsweep.store.reader import read_end
from hpcsweep.store.task_files import SentArray, SlurmFiles, task_name

REMEMBERED_S = 300.0  # SLURM's usual MinJobAge: squeue knows an ended job for this long
_ATTEMPT = re.compile(r".*- Starting with JobEnvironment[^\n]*\n", re.DOTALL)
_LAST_BYTES = 20_000


@dataclass(frozen=True)
class TaskHistory:
    """One array task that was submitted: the events of its newest attempt, oldest first; none if it never began."""

    name: str
    array: SentArray
    files: SlurmFiles
    events: list[dict[str, Any]]

    @property
    def begun(self) -> bool:
        """Whether the task was ever started on a node."""
        return bool(self.events)

    @property
    def worker_began(self) -> bool:
        """Whether in the newest attempt Python got as far as the worker itself."""
        return self._newest(Event.START) is not None

    @property
    def exit(self) -> dict[str, Any] | None:
        """The end of the newest attempt as its batch script saw it."""
        return self._newest(Event.EXIT)

    @property
    def stop(self) -> dict[str, Any] | None:
        """What the worker itself said when it stopped; None if it never did."""
        return self._newest(Event.STOP)

    @property
    def node(self) -> str:
        """The node of the newest attempt, by the name that SLURM uses."""
        return next((str(event["host"]) for event in reversed(self.events) if event.get("host")), "")

    @property
    def ended_for_good(self) -> bool:
        """Whether it has written down that it ended as it should, and will not come back."""
        if self._newest(Event.LEFT) or self._newest(Event.CONTINUED):
            return True
        return self.exit is not None and self.stop is not None and not self.stop.get("next")

    @property
    def ended_by_slurm(self) -> bool:
        """Whether its batch script found it cancelled, or requeued by somebody, when it would have continued."""
        return self._newest(Event.ENDED) is not None

    @property
    def was_replaced(self) -> bool:
        """Whether others do what it was to do."""
        return self._newest(Event.CONTINUED) is not None

    def may_live(self) -> bool:
        """Whether it may be queued or running, or ended so recently that squeue still knows it."""
        if self.ended_for_good:
            return False
        if not self.begun or (self.exit and self.stop):
            return True
        return time.time() - float(self.events[-1]["time"]) < REMEMBERED_S

    def last_words(self) -> str:
        """Return what was printed into the worker's log since its newest attempt began."""
        try:
            text = read_end(self.files.log_path(self.name), _LAST_BYTES).decode(errors="replace")
        except OSError:
            return ""
        return _ATTEMPT.sub("", text)

    def _newest(self, event: Event) -> dict[str, Any] | None:
        return next((one for one in reversed(self.events) if one["event"] == event), None)


def histories(files: SlurmFiles) -> Iterator[TaskHistory]:
    """Yield the history of every task of a submission's arrays."""
    begun = set(files.tasks())
    for array in files.arrays():
        for name in task_names(array):
            yield TaskHistory(name, array, files, newest_attempt(files.events(name)) if name in begun else [])


def task_names(array: SentArray) -> list[str]:
    """Return the names of an array's tasks; an array of one is a job without tasks."""
    job = str(array.array)
    return [task_name(job)] if array.workers == 1 else [task_name(job, index) for index in range(array.workers)]


def newest_attempt(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of the newest attempt; a twin on a node that was cut off may still add to older ones."""
    newest = max((int(event.get("restart", 0)) for event in events), default=0)
    return [event for event in events if int(event.get("restart", newest)) == newest]
