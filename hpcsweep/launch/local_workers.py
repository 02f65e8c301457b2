"""Workers on this machine, through submitit's local executor."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpcsweep.errors import SchedulerError
from hpcsweep.machine import process_started, usable_cores, visible_gpus
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.sweep.load import Sweep
from hpcsweep.worker import work

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
NO_LIMIT_MIN = 60 * 24 * 3650


class LocalWorkers:
    """The worker processes of one submission on this machine, each on a core of its own."""

    def __init__(self, sweep: Sweep, submission: SubmissionFolder, workers: int, threads: int = 1) -> None:
        self._data = str(sweep.profile.data or sweep.root / "data")
        self._submission = submission
        self.size = workers
        self._threads = threads
        self._jobs: dict[int, Any] = {}
        self._gpus = visible_gpus()

    def start_missing(self) -> list[int]:
        """Start every worker that is not running; return their indexes.

        We must handle a ctrl-C ourselves: submitit's controller would kill its worker a second after it. So the
        controllers are started by a thread in which SIGINT is blocked, and they inherit that. A ctrl-C in the meantime
        is raised when all have been started and are known here.
        """
        missing = [index for index in range(self.size) if not self._is_running(index)]
        with ThreadPoolExecutor(1, initializer=_block_interrupts) as starter:
            list(starter.map(self._start, missing))
        return missing

    def running(self) -> int:
        """Return how many workers run."""
        return sum(self._is_running(index) for index in range(self.size))

    def stop(self, *, at_once: bool = False) -> None:
        """Ask the workers to write checkpoints and end; `at_once`: to end without checkpoints."""
        for index, job in self._jobs.items():
            if self._is_running(index):
                for _ in range(3 if at_once else 1):
                    os.kill(int(job.job_id), signal.SIGTERM)  # submitit's controller passes the signal on

    def controllers(self) -> list[int]:
        """Return the ids of the processes of which the workers are children."""
        return [int(job.job_id) for job in self._jobs.values()]

    def last_words(self) -> str:
        """Return the last line that any worker wrote to its stderr."""
        for job in self._jobs.values():
            lines = _text(job.paths.stderr).strip().splitlines()
            if lines:
                return lines[-1]
        return "no output"

    def _is_running(self, index: int) -> bool:
        return index in self._jobs and not self._jobs[index].done()

    def _start(self, index: int) -> None:
        from submitit import LocalExecutor

        executor = LocalExecutor(self._submission.workers)
        gpus = [self._gpus[index % len(self._gpus)]] if self._gpus else []
        executor.update_parameters(timeout_min=NO_LIMIT_MIN, gpus_per_node=len(gpus), visible_gpus=gpus)
        pin = self.size * self._threads <= usable_cores() and self._threads == 1
        try:
            self._jobs[index] = executor.submit(
                work,
                str(self._submission.path),
                index,
                self.size,
                threads=self._threads,
                pin=pin,
                data=self._data,
                launcher=(os.getpid(), process_started(os.getpid())),
            )
        except OSError as error:
            raise SchedulerError(
                f"a worker could not be started: {error}; expected room for one more process and its files; the same "
                "command continues"
            ) from error


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Treat signals that would end this process at once like a ctrl-C, unless the caller handles them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in ENDING_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _block_interrupts() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
