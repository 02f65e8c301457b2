"""What a submission to SLURM keeps in its folder beside the manifest.

terms.json                  what was asked of SLURM, so that it can be asked again
sent-<token>.json           written before sbatch: an array is about to be submitted under the job name in it
array-<array id>.json       written after sbatch: the array is in the queue
workers/<task>.events       one JSON object per line: start, stop and exit of each attempt of an array task
workers/<task>.<n>.next     how the batch script is to continue after the n-th restart of the task has ended; empty
                            if not at all, absent if the worker died
workers/<task>.leave        the worker of the task is wanted no more: it ends at a checkpoint, and no other follows
workers/<task>_0_log.out    what the worker of a task printed, and what SLURM's daemons said about it
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hpcsweep.errors import NewerFormatError, StoreError
from hpcsweep.files import write_atomic
from hpcsweep.machine import StrEnum
from hpcsweep.store.events import Event, add_event, read_events
from hpcsweep.store.layout import Layout, SubmissionFolder
from hpcsweep.store.reader import read_record, record_bytes

ARRAY = re.compile(r"array-(\d+)\.json")
SENT = re.compile(r"sent-([0-9a-f]+)\.json")
EVENTS = re.compile(r"(\d+(?:_\d+)?)\.events")
STRAY = re.compile(r"[0-9a-f]{32}\.pkl|\.submission_file_[0-9a-f]{32}\.sh")
EVENTS_SUFFIX, NEXT_SUFFIX, LEAVE_SUFFIX = ".events", ".next", ".leave"


class Sender(StrEnum):
    """Who queued an array: `why` of a SentArray; of a successor it is `after TASK`."""

    SUBMIT = "submit"
    CHAIN = "chain"


@dataclass(frozen=True)
class SentArray:
    """One sbatch: the job name that finds it, and the array's id once that is known.

    Its workers are those from `first` on, of `team` in all, `at_once` of them at the same time (0: all); `fruitless`
    counts the workers in a row that died in their place without progress.
    """

    token: str
    job_name: str
    workers: int
    time: float
    why: str
    array: str | None = None
    first: int = 0
    team: int = 0
    fruitless: int = 0
    at_once: int = 0

    @property
    def throttle(self) -> int:
        """How many of its workers run at the same time at most."""
        return min(self.at_once or self.workers, self.workers)


_SENT = {one.name for one in fields(SentArray)}


@dataclass(frozen=True)
class SlurmFiles:
    """The files of one submission to SLURM."""

    submission: SubmissionFolder

    @property
    def path(self) -> Path:
        return self.submission.path

    @property
    def workers(self) -> Path:
        return self.submission.workers

    @property
    def cancelled(self) -> Path:
        return self.submission.cancelled

    @property
    def owner(self) -> int:
        """The uid of the user who sent it."""
        return self.path.stat().st_uid

    @property
    def is_own(self) -> bool:
        """Whether this user has sent it."""
        return self.owner == os.geteuid()

    @property
    def is_slurm(self) -> bool:
        """Whether this submission went to SLURM at all."""
        return (self.path / "terms.json").exists()

    def write_terms(self, terms: Mapping[str, Any]) -> None:
        """Keep what was asked of SLURM."""
        write_atomic(self.path / "terms.json", record_bytes(terms, indent=1))

    def read_terms(self) -> dict[str, Any]:
        """Return what was asked of SLURM."""
        path = self.path / "terms.json"
        try:
            return read_record(path)
        except NewerFormatError:
            raise
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error}; submit the sweep again") from error

    def announce(self, sent: SentArray) -> None:
        """Write down durably that an array is about to be submitted."""
        self.workers.mkdir(parents=True, exist_ok=True)
        write_atomic(self._sent(sent.token), _to_json(sent))

    def record(self, sent: SentArray) -> None:
        """Write down that the array is in the queue; the announcement is no longer needed."""
        write_atomic(self.path / f"array-{sent.array}.json", _to_json(sent))
        self.withdraw(sent)

    def withdraw(self, sent: SentArray) -> None:
        """Remove the announcement of an array that was recorded, or that SLURM refused."""
        self._sent(sent.token).unlink(missing_ok=True)
        for path in self.workers.glob("*"):
            if STRAY.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def arrays(self) -> list[SentArray]:
        """Return the arrays that are known to have been queued, oldest first."""
        return self._read_all(ARRAY)

    def interrupted(self, older_than_s: float = 0.0) -> list[SentArray]:
        """Return the announced arrays for which nobody recorded whether they were queued."""
        return [sent for sent in self._read_all(SENT) if time.time() - sent.time >= older_than_s]

    def events_path(self, task: str) -> Path:
        return self.workers / f"{task}{EVENTS_SUFFIX}"

    def next_path(self, task: str, restart: int) -> Path:
        return self.workers / f"{task}.{restart}{NEXT_SUFFIX}"

    def leave_path(self, task: str) -> Path:
        return self.workers / f"{task}{LEAVE_SUFFIX}"

    def tasks(self) -> list[str]:
        """Return the names of the tasks that began."""
        if not self.workers.is_dir():
            return []
        return sorted(match[1] for entry in self.workers.iterdir() if (match := EVENTS.fullmatch(entry.name)))

    def add_event(self, task: str, event: Event, **facts: Any) -> None:
        """Add a line to a task's events."""
        add_event(self.events_path(task), event, facts)

    def events(self, task: str) -> list[dict[str, Any]]:
        """Return a task's events, oldest first."""
        return read_events(self.events_path(task))

    def log_path(self, task: str) -> Path:
        """Return the file of what the worker of a task printed, and of what SLURM's daemons said about it."""
        return self.workers / f"{task}_0_log.out"

    def log_paths(self, task: str) -> list[Path]:
        """Return the files of what the worker of a task itself printed (not its runs)."""
        return sorted(self.workers.glob(f"{task}_*_log.*"))

    def _sent(self, token: str) -> Path:
        return self.path / f"sent-{token}.json"

    def unread(self) -> list[StoreError]:
        """Return what is wrong with the records of arrays that cannot be read."""
        read = (_read_sent(path) for pattern in (ARRAY, SENT) for path in self._records(pattern))
        return [sent for sent in read if isinstance(sent, StoreError)]

    def _records(self, pattern: re.Pattern[str]) -> list[Path]:
        return [path for path in self.path.iterdir() if pattern.fullmatch(path.name)]

    def _read_all(self, pattern: re.Pattern[str]) -> list[SentArray]:
        found = (self._sent_or_known(path) for path in self._records(pattern))
        return sorted(filter(None, found), key=lambda sent: (sent.time, sent.array or ""))

    def _sent_or_known(self, path: Path) -> SentArray | None:
        """Return a record of an array; of one that cannot be read, what the names of files say: its workers count."""
        sent = _read_sent(path)
        if not isinstance(sent, StoreError):
            return sent
        if not (match := ARRAY.fullmatch(path.name)):
            return None
        begun = [int(task.partition("_")[2] or 0) for task in self.tasks() if array_of(task) == match[1]]
        return SentArray("", "", max(begun, default=0) + 1, 0.0, Sender.SUBMIT, match[1])


def _read_sent(path: Path) -> SentArray | StoreError | None:
    """Return the record of an array, what is wrong with it, or None if it has gone meanwhile."""
    try:
        record = read_record(path)
        return SentArray(**{name: record[name] for name in _SENT if name in record})
    except FileNotFoundError:
        return None
    except StoreError as error:
        return error
    except TypeError:
        return StoreError(f"{path}: damaged; expected what was sent to SLURM; its workers are found by the queue")


def task_name(array: str, index: str | int | None = None) -> str:
    """Return the name of an element of an array, such as `7_3`; without `index`, that of a job that is no array."""
    return array if index is None else f"{array}_{index}"


def array_of(task: str) -> str:
    """Return the id of the array that a task is an element of, or of a job that is no array."""
    return task.partition("_")[0]


def this_task() -> str | None:
    """Return the name of the task that this process belongs to, None outside SLURM; the batch script says the same.

    The job's own id is no name for an element: that of the last element is the array's.
    """
    array = os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ.get("SLURM_JOB_ID")
    return task_name(array, os.environ.get("SLURM_ARRAY_TASK_ID") or None) if array else None


def _to_json(sent: SentArray) -> bytes:
    return record_bytes(asdict(sent))


def slurm_submissions(layout: Layout, sweep: str) -> list[SlurmFiles]:
    """Return the submissions of a sweep that went to SLURM, oldest first."""
    found = (SlurmFiles(submission) for submission in layout.submissions(sweep))
    return [files for files in found if files.is_slurm]


def worker_logs(layout: Layout, task: str) -> list[Path]:
    """Return the files of what the worker of an array task printed, whatever its sweep; attempts share one file."""
    submissions = [files for name in layout.sweep_names() for files in slurm_submissions(layout, name)]
    return [path for files in submissions for path in files.log_paths(task)]
