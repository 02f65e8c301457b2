"""What the attempts at a run, or the workers themselves, printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from hpcsweep.errors import NothingSelectedError
from hpcsweep.launch.html import page
from hpcsweep.store import Failure, Store
from hpcsweep.store.opening import Source, StoreSource, open_source
from hpcsweep.store.reader import read_bytes
from hpcsweep.store.task_files import worker_logs
from hpcsweep.sweep.runs import short_id


@dataclass(frozen=True)
class Logs:
    """The files of each attempt, oldest first, and how the newest attempt failed, if it did.

    `read` returns what is in a file, which may have been packed.
    """

    paths: tuple[Path, ...]
    failure: Failure | None = None
    read: Callable[[Path], bytes] = read_bytes

    @property
    def text(self) -> str:
        """What the newest attempt printed."""
        return self.read(self.paths[-1]).decode(errors="replace")

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        failed = f"failed ({self.failure.cause}): {self.failure.message}" if self.failure else ""
        return page(str(self.paths[-1]), f"<pre>{escape(self.text)}</pre>", [failed])


def logs(source: Source, run: str, *, store: StoreSource = None) -> Logs:
    """Return the logs of a run, named by a beginning of its id; `source` is a sweep, or a store (its folder).

    Raises NothingSelectedError if there is no such run, or if it was not begun.
    """
    opened = open_source(source, store=store)[1]
    trajectory_id, run_id = opened.find_run(run)
    paths = opened.log_paths(trajectory_id)
    if not paths:
        raise NothingSelectedError(f"run {short_id(run_id)} has no log: no attempt at it has begun; expected one")
    return Logs(tuple(paths), opened.failure(trajectory_id), opened.folder(trajectory_id).read)


def logs_of_worker(store: Store, task: str) -> Logs:
    """Return what the worker of an array task such as 1234_5 printed; NothingSelectedError if it has not begun."""
    paths = worker_logs(store.layout, task)
    if not paths:
        raise NothingSelectedError(f"no worker {task} has begun; see who has: hpcsweep status SWEEP")
    return Logs(tuple(paths))
