"""Workers on this machine, through submitit's local executor."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpcsweep.errors import SchedulerError
from hpcsweep.machine import usable_cores, visible_gpus
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.worker import work

NO_LIMIT_MIN = 60 * 24 * 3650


class LocalWorkers:
    """The worker processes of one submission on this machine, each with its own core."""

    def __init__(self, submission: SubmissionFolder, workers: int, threads: int = 1) -> None:
        self._submission = submission
        self._workers = workers
        self._threads = threads
        self._jobs: dict[int, Any] = {}
        self._gpus = visible_gpus()

    def start_missing(self) -> list[int]:
        """Start every worker that is not running; return their indexes."""
        missing = [index for index in range(self._workers) if not self._is_running(index)]
        with _without_interrupts():
            for index in missing:
                self._jobs[index] = self._start(index)
        return missing

    def running(self) -> int:
        """Return how many workers run."""
        return sum(self._is_running(index) for index in range(self._workers))

    def stop(self, *, at_once: bool = False) -> None:
        """Ask the workers to checkpoint and end; `at_once`: to end without."""
        for index, job in self._jobs.items():
            if self._is_running(index):
                for _ in range(3 if at_once else 1):
                    os.kill(int(job.job_id), signal.SIGTERM)  # submitit's controller passes it on

    def last_words(self) -> str:
        """Return the last line that any worker wrote to its stderr."""
        for job in self._jobs.values():
            lines = _text(job.paths.stderr).strip().splitlines()
            if lines:
                return lines[-1]
        return "no output"

    def _is_running(self, index: int) -> bool:
        return index in self._jobs and not self._jobs[index].done()

    def _start(self, index: int) -> Any:
        from submitit import LocalExecutor

        executor = LocalExecutor(self._submission.workers)
        gpus = [self._gpus[index % len(self._gpus)]] if self._gpus else []
        executor.update_parameters(timeout_min=NO_LIMIT_MIN, gpus_per_node=len(gpus), visible_gpus=gpus)
        pin = self._workers * self._threads <= usable_cores() and self._threads == 1
        try:
            return executor.submit(
                work, str(self._submission.path), index, self._workers, threads=self._threads, pin=pin
            )
        except OSError as error:
            raise SchedulerError(f"a worker could not be started: {error}; expected to be able to fork") from error


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that ignore SIGINT: submitit's controller would kill its worker a second after a ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
