"""What `launch` asks of a scheduler, on one page: another one (PBS, LSF, Flux) would have to answer the same.

There is none yet. It would be a room beside `slurm/` that has these calls, and a batch script of its own that tells
workers when they end and puts them back into the queue. docs/architecture.md says what it would share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from hpcsweep.slurm.asking.cluster import ask_cluster, slurm_is_here
from hpcsweep.slurm.asking.doctor import examine
from hpcsweep.slurm.asking.limits import ClusterLimits
from hpcsweep.slurm.asking.probe import Finding
from hpcsweep.slurm.sending.cancel import cancel, wake
from hpcsweep.slurm.sending.mail import queue_mail
from hpcsweep.slurm.sending.script import script_text
from hpcsweep.slurm.sending.submit import Recovered, expected_start, ignored_variables, recover, submit_chain
from hpcsweep.slurm.terms import Request, SlurmTerms, WorkerArray
from hpcsweep.slurm.watching.queue import Queue, ask_squeue
from hpcsweep.slurm.watching.view import SlurmView, look_at_workers, submissions_at_work
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.task_files import SentArray, SlurmFiles
from hpcsweep.sweep.profile import Profile


class Scheduler(Protocol):
    """The calls. That the scheduler is away is a value, and an error only for what cannot be done without it."""

    def is_here(self) -> bool:
        """Say whether its commands are on this machine."""

    def limits(
        self, account: str | None, qos: str | None, submissions: Iterable[SlurmFiles] = ()
    ) -> tuple[Queue, ClusterLimits]:
        """Say, before a submission, what is in the queue, and what limits a request: time, nodes, jobs."""

    def ignored(self) -> list[str]:
        """Name the user's variables that would change what is asked for, and do not."""

    def examine(self, profile: Profile, store: Path, *, probe: bool) -> list[Finding]:
        """Say whether it, its nodes (with `probe`, by a job of a minute) and this machine can run us."""

    def script(
        self, terms: SlurmTerms, submission: Path, workers: Path, job_name: str, array_size: int, throttle: int
    ) -> str:
        """Return the text of the batch script that `send` would send."""

    def start(self, request: Request, array_size: int) -> str:
        """Say when such workers would start, without queueing any; SchedulerError if they would be refused."""

    def send(
        self, files: SlurmFiles, terms: SlurmTerms, array: WorkerArray, links: int, say: Callable[[str], None]
    ) -> list[SentArray]:
        """Queue workers, or a chain of arrays of them, each announced before and recorded after.

        SchedulerError if that is refused, or nobody knows whether it was.
        """

    def recover(self, files: SlurmFiles) -> list[Recovered]:
        """Find out what became of arrays that were announced and not recorded; SchedulerError if nobody knows."""

    def mail(self, submission: SubmissionFolder, terms: SlurmTerms, *arrays: str) -> str | None:
        """Have one mail sent when the sweep is done or stuck; return why that could not be, or None."""

    def living(self, submissions: Iterable[SlurmFiles] = ()) -> Queue:
        """Say which tasks of this user, and of those who sent `submissions`, wait and run now, and why they wait."""

    def look(self, store: Store, sweep: str, *, at_work: bool = False, left: int = 0) -> SlurmView:
        """Say who of a sweep's workers waits, runs or has died, and of what, with one question at most."""

    def at_work(self, store: Store, sweeps: list[str]) -> list[Path]:
        """Return the folders of submissions that have workers, or may have."""

    def cancel(self, tasks: Iterable[str], job_names: Iterable[str] = ()) -> str | None:
        """End tasks, waiting or running; return why that could not be asked for, or None."""

    def wake(self, tasks: Iterable[str]) -> str | None:
        """Have the workers of tasks stop at their next checkpoint; return why that could not be asked for, or None."""


class Slurm:
    """SLURM's answers."""

    is_here = staticmethod(slurm_is_here)
    limits = staticmethod(ask_cluster)
    ignored = staticmethod(ignored_variables)
    examine = staticmethod(examine)
    script = staticmethod(script_text)
    start = staticmethod(expected_start)
    send = staticmethod(submit_chain)
    recover = staticmethod(recover)
    mail = staticmethod(queue_mail)
    living = staticmethod(ask_squeue)
    look = staticmethod(look_at_workers)
    at_work = staticmethod(submissions_at_work)
    cancel = staticmethod(cancel)
    wake = staticmethod(wake)


SLURM: Scheduler = Slurm()
"""Checked by mypy: SLURM answers all that is asked of a scheduler."""
