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
from hpcsweep.worker.team import work_together

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
NO_LIMIT_MIN = 60 * 24 * 3650


class LocalWorkers:
    """The worker processes of one submission on this machine, each on a core of its own.

    They are children of one process, so that they need not import Keras each by itself.
    """

    def __init__(self, sweep: Sweep, submission: SubmissionFolder, workers: int, threads: int = 1) -> None:
        self._data = str(sweep.profile.data or sweep.root / "data")
        self._submission = submission
        self.size = workers
        self._threads = threads
        self._job: Any = None
        self._gpus = visible_gpus()

    def start(self) -> None:
        """Start the workers, none of which may be running.

        We must handle a ctrl-C ourselves: submitit's controller would kill their process a second after it. So the
        controller is started by a thread in which SIGINT is blocked, and it inherits that. A ctrl-C in the meantime is
        raised when it has been started and is known here.
        """
        with ThreadPoolExecutor(1, initializer=_block_interrupts) as starter:
            starter.submit(self._start).result()

    def running(self) -> bool:
        """Whether any worker runs."""
        return self._job is not None and not self._job.done()

    def stop(self, *, at_once: bool = False) -> None:
        """Ask the workers to write checkpoints and end; `at_once`: to end without checkpoints."""
        if self.running():
            for _ in range(3 if at_once else 1):
                os.kill(int(self._job.job_id), signal.SIGTERM)  # submitit's controller passes the signal on

    def controllers(self) -> list[int]:
        """Return the ids of the processes of which the workers are descendants."""
        return [] if self._job is None else [int(self._job.job_id)]

    def last_words(self) -> str:
        """Return the last line that any worker wrote to its stderr."""
        lines = [] if self._job is None else _text(self._job.paths.stderr).strip().splitlines()
        return lines[-1] if lines else "no output"

    def _start(self) -> None:
        from submitit import LocalExecutor

        executor = LocalExecutor(self._submission.workers)
        executor.update_parameters(
            timeout_min=NO_LIMIT_MIN, gpus_per_node=len(self._gpus), visible_gpus=list(self._gpus)
        )
        try:
            self._job = executor.submit(
                work_together,
                str(self._submission.path),
                self.size,
                threads=self._threads,
                pin=self.size * self._threads <= usable_cores() and self._threads == 1,
                gpus=self._gpus,
                data=self._data,
                launcher=(os.getpid(), process_started(os.getpid())),
            )
        except OSError as error:
            raise SchedulerError(
                f"workers could not be started: {error}; expected room for a few more processes and their files; the "
                "same command continues"
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
