"""Sending workers to SLURM through submitit, so that a crash at any moment is found and reported afterwards."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hpcsweep.errors import SchedulerError
from hpcsweep.slurm.commands import ask, with_clean_environment
from hpcsweep.slurm.on_node.worker import work_on_slurm
from hpcsweep.slurm.sending.script import submitit_parameters
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.store.task_files import Sender, SentArray, SlurmFiles

NAME_LENGTH = 40
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class WorkerArray:
    """Which of a submission's workers one array holds: `size` from `first` on, of `team` in all."""

    size: int
    first: int = 0
    team: int = 0
    why: str = Sender.SUBMIT
    after: str | None = None
    fruitless: int = 0


def submit_array(files: SlurmFiles, terms: SlurmTerms, array: WorkerArray) -> SentArray:
    """Queue one array of workers and return it; SchedulerError with SLURM's own words if it is refused."""
    token = secrets.token_hex(4)
    sweep = files.path.parent.name
    sent = SentArray(token, f"{sweep[:NAME_LENGTH]}.{token}", array.size, time.time(), array.why)
    files.announce(sent)
    try:
        job_id = _submit(files, terms, array, sent.job_name)
    except SchedulerError:
        files.withdraw(sent)
        raise
    sent = replace(sent, array=job_id)
    files.record(sent)
    return sent


def submit_chain(files: SlurmFiles, terms: SlurmTerms, array: WorkerArray, links: int) -> list[SentArray]:
    """Queue `links` arrays, each to start when the one before has ended, in whatever way."""
    chain: list[SentArray] = []
    for link in range(links):
        after = chain[-1].array if chain else array.after
        why = array.why if link == 0 else Sender.CHAIN
        chain.append(submit_array(files, terms, replace(array, after=after, why=why)))
    return chain


def _submit(files: SlurmFiles, terms: SlurmTerms, array: WorkerArray, job_name: str) -> str:
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    parameters: dict[str, Any] = submitit_parameters(terms, files.path, files.workers, job_name)
    if array.after:
        parameters["dependency"] = f"afterany:{array.after}"
    team = array.team or array.size
    try:
        executor = SlurmExecutor(files.workers, python=terms.python)
        executor.update_parameters(**parameters)
        indexes = range(array.first, array.first + array.size)
        with contextlib.redirect_stdout(io.StringIO()), _clean_sbatch():
            each = [(str(files.path), index, team, array.fruitless) for index in indexes]
            jobs = executor.map_array(work_on_slurm, *zip(*each, strict=True))
    except (FailedJobError, FailedSubmissionError) as error:
        raise SchedulerError(f"SLURM refused the workers: {_one_line(str(error))}") from error
    except RuntimeError as error:
        raise SchedulerError(f"SLURM's commands are not on this machine ({error}); expected a login node") from error
    except OSError as error:
        raise SchedulerError(
            f"{files.workers}: {error.strerror or error}; expected room for the workers' files; nothing was submitted"
        ) from error
    return str(jobs[0].job_id).partition("_")[0]


@contextlib.contextmanager
def _clean_sbatch() -> Iterator[None]:
    """Let submitit, which makes executors of this class by itself, run sbatch with a clean environment."""
    from submitit import SlurmExecutor

    name = "_make_submission_command"
    with _ONE_AT_A_TIME:
        own = getattr(SlurmExecutor, name)
        setattr(SlurmExecutor, name, lambda executor, path: with_clean_environment(own(executor, path)))
        try:
            yield
        finally:
            setattr(SlurmExecutor, name, own)


@dataclass(frozen=True)
class Recovered:
    """An announced array, when it was not known whether SLURM had taken it."""

    sent: SentArray
    array: str | None
    whole: bool


def recover(files: SlurmFiles, older_than_s: float = 60.0) -> list[Recovered]:
    """Find out what became of submissions that were cut off between sbatch and our record of it.

    If SLURM took it and its workers have all their files, it is adopted. If files are missing, it is cancelled, since
    its workers could not start. If SLURM does not know it, the announcement is removed.
    """
    found = []
    for sent in files.interrupted(older_than_s):
        answer = ask(["squeue", "-h", "-a", "-t", "all", "--name", sent.job_name, "-o", "%F"])
        if answer.problem:
            continue  # SLURM does not answer; the next call will ask again
        arrays = answer.lines or ask(["sacct", "-X", "-n", "-P", "--name", sent.job_name, "-o", "jobid"]).lines
        array = arrays[0].strip().partition("_")[0] if arrays else None
        whole = array is not None and len(list(files.workers.glob(f"{array}*_submitted.pkl"))) >= sent.workers
        if array is None:
            files.withdraw(sent)
        elif whole:
            files.record(replace(sent, array=array))
        else:
            ask(["scancel", array])
            files.withdraw(sent)
        found.append(Recovered(sent, array, whole))
    return found


def describe_recovered(one: Recovered) -> str:
    """Return what was found out about an interrupted submission, in one line."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.sent.time))
    begun = f"a submission of {one.sent.workers} workers on {when} was cut off"
    if one.array is None:
        return f"{begun} before SLURM took it"
    if one.whole:
        return f"{begun} after SLURM had taken it: array {one.array} is adopted"
    return f"{begun} half-way: array {one.array} was cancelled, since its workers lack files"


def expected_start(request: Request, array_size: int) -> str:
    """Ask the scheduler, without queueing anything, when such workers would start; return its answer in one line."""
    options = request.sbatch_options()
    array = [f"--array=0-{array_size - 1}"] if array_size > 1 else []
    answer = ask(["sbatch", "--test-only", *options, *array, "--wrap=true"], with_stderr=True)
    if answer.problem:
        raise SchedulerError(f"SLURM would refuse the workers: {answer.problem.removeprefix('sbatch: ')}")
    return _one_line(answer.text.replace("sbatch: ", ""))


def ignored_variables() -> list[str]:
    """Return the user's variables that would have changed what sbatch is asked for."""
    return sorted(name for name in os.environ if name.startswith("SBATCH_"))


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line.removeprefix("sbatch: ").removeprefix("error: ") for line in lines if "sbatch: " in line]
    return "; ".join(told or lines[-2:])
