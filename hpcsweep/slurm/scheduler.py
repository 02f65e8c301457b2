"""What we ask of a scheduler, on one page: another one (PBS, LSF, Flux) would have to answer the same.

A second scheduler would be a room beside `slurm/` that has these calls, and a batch script of its own that tells
workers when they end and puts them back into the queue. There is none yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from hpcsweep.slurm.asking.limits import ClusterLimits, ask_cluster
from hpcsweep.slurm.sending.cancel import cancel_tasks, wake
from hpcsweep.slurm.sending.submit import WorkerArray, expected_start, submit_array
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.slurm.watching.queue import Queue, ask_sacct, ask_squeue
from hpcsweep.store.task_files import SentArray, SlurmFiles


class Scheduler(Protocol):
    """The calls; none of them raises because the scheduler is away: "no answer" is a value."""

    def limits(self, account: str | None, qos: str | None) -> tuple[Queue, ClusterLimits]:
        """Say, before a submission, what is in the queue, and what limits a request: time, nodes, jobs."""

    def start(self, request: Request, array_size: int) -> str:
        """Say when such workers would start, without queueing any; SchedulerError if they would be refused."""

    def send(self, files: SlurmFiles, terms: SlurmTerms, array: WorkerArray, say: Callable[[str], None]) -> SentArray:
        """Queue workers, announced before and recorded after; SchedulerError if that is refused or not known."""

    def living(self) -> Queue:
        """Say which tasks wait and run now, and why those that wait do."""

    def ended(self, arrays: Iterable[str]) -> Queue:
        """Say how the tasks of arrays ended."""

    def cancel(self, tasks: Iterable[str]) -> str | None:
        """End tasks, waiting or running; return why that could not be asked for, or None."""

    def wake(self, tasks: Iterable[str]) -> str | None:
        """Have the workers of tasks stop at their next checkpoint; return why that could not be asked for, or None."""


class Slurm:
    """SLURM's answers."""

    limits = staticmethod(ask_cluster)
    start = staticmethod(expected_start)
    send = staticmethod(submit_array)
    living = staticmethod(ask_squeue)
    ended = staticmethod(ask_sacct)
    cancel = staticmethod(cancel_tasks)
    wake = staticmethod(wake)


SLURM: Scheduler = Slurm()
"""Checked by mypy: SLURM answers all that is asked of a scheduler."""
