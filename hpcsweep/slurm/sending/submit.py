"""Sending workers to SLURM through submitit, so that a crash at any moment is found and mended afterwards."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpcsweep.errors import SchedulerError
from hpcsweep.slurm.commands import ask
from hpcsweep.slurm.sending.sbatch import Say, UnknownOutcomeError, find_arrays, send
from hpcsweep.slurm.sending.script import submitit_parameters, with_plain_percents
from hpcsweep.slurm.terms import Request, SlurmTerms, WorkerArray
from hpcsweep.slurm.watching.history import task_names
from hpcsweep.store.task_files import Sender, SentArray, SlurmFiles

NAME_LENGTH = 40
_ONE_AT_A_TIME = threading.Lock()


def submit_array(files: SlurmFiles, terms: SlurmTerms, array: WorkerArray, say: Say) -> SentArray:
    """Queue one array of workers and return it; SchedulerError with SLURM's own words if it is refused."""
    token, sweep = secrets.token_hex(4), files.path.parent.name
    name, team = f"{sweep[:NAME_LENGTH]}.{token}", array.team or array.size
    sent = SentArray(
        token, name, array.size, time.time(), array.why, None, array.first, team, array.fruitless, array.at_once
    )
    files.announce(sent)
    try:
        job_id = _submit(files, terms, sent, array.after, say)
    except UnknownOutcomeError:
        raise  # it stays announced, and is looked for
    except SchedulerError:
        files.withdraw(sent)
        raise
    sent = replace(sent, array=job_id)
    files.record(sent)
    return sent


def submit_chain(files: SlurmFiles, terms: SlurmTerms, array: WorkerArray, links: int, say: Say) -> list[SentArray]:
    """Queue `links` arrays, each to start when the one before has ended, in whatever way."""
    chain: list[SentArray] = []
    for link in range(links):
        after = chain[-1].array if chain else array.after
        why = array.why if link == 0 else Sender.CHAIN
        chain.append(submit_array(files, terms, replace(array, after=after, why=why), say))
    return chain


def _submit(files: SlurmFiles, terms: SlurmTerms, sent: SentArray, after: str | None, say: Say) -> str:
    from submitit import SlurmExecutor

    from hpcsweep.slurm.on_node.worker import work_on_slurm

    parameters: dict[str, Any] = submitit_parameters(terms, files.path, files.workers, sent.job_name, sent.throttle)
    if after:
        parameters["dependency"] = f"afterany:{after}"
    try:
        executor = SlurmExecutor(files.workers, python=terms.python)
        executor.update_parameters(**parameters)
        with contextlib.redirect_stdout(io.StringIO()), _sending(files.workers, sent.job_name, say):
            jobs = executor.map_array(work_on_slurm, *zip(*_orders(files, sent), strict=True))
    except SchedulerError:
        raise
    except RuntimeError as error:
        raise SchedulerError(f"SLURM's commands are not on this machine ({error}); expected a login node") from error
    except OSError as error:
        raise SchedulerError(
            f"{files.workers}: {error.strerror or error}; expected room for the workers' files; nothing was submitted"
        ) from error
    return str(jobs[0].job_id).partition("_")[0]


def _orders(files: SlurmFiles, sent: SentArray) -> list[tuple[str, int, int, int]]:
    """Return the arguments of each worker of an array."""
    indexes = range(sent.first, sent.first + sent.workers)
    return [(str(files.path), index, sent.team, sent.fruitless) for index in indexes]


@contextlib.contextmanager
def _sending(workers: Path, job_name: str, say: Say) -> Iterator[None]:
    """Let submitit, which makes executors of this class by itself, leave sbatch and its answers to us."""
    from submitit import SlurmExecutor

    def send_then_say(executor: SlurmExecutor, script: Path) -> list[str]:
        script.write_text(with_plain_percents(script.read_text(), workers))
        return ["echo", f"Submitted batch job {send(script, job_name, say)}"]

    name = "_make_submission_command"
    with _ONE_AT_A_TIME:
        own = getattr(SlurmExecutor, name)
        setattr(SlurmExecutor, name, send_then_say)
        try:
            yield
        finally:
            setattr(SlurmExecutor, name, own)


@dataclass(frozen=True)
class Recovered:
    """An announced array, of which it was not known whether SLURM had taken it; `array` is None if it had not."""

    sent: SentArray
    array: str | None

    def in_words(self) -> str:
        """Return what was found out, as a line for people."""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.sent.time))
        begun = f"a submission of {self.sent.workers} workers on {when} was cut off"
        if self.array is None:
            return f"{begun} before SLURM took it"
        return f"{begun} after SLURM had taken it: array {self.array} is adopted"


def recover(files: SlurmFiles) -> list[Recovered]:
    """Find out what became of submissions that were cut off between sbatch and our record of it.

    What SLURM has is adopted, with the files that its workers wait for. If SLURM does not know it, the announcement is
    removed. SchedulerError if SLURM does not answer: nothing may be sent meanwhile.
    """
    found = []
    for sent in files.interrupted():
        arrays = find_arrays(sent.job_name)
        if arrays is None:
            raise SchedulerError(
                f"SLURM does not answer, and may have taken a submission of {sent.workers} workers that was cut off "
                f"({sent.job_name}); nothing was submitted; type the same again later"
            )
        if arrays:
            adopted = replace(sent, array=arrays[0])
            _hand_out(files, adopted)
            files.record(adopted)
        else:
            files.withdraw(sent)
        found.append(Recovered(sent, arrays[0] if arrays else None))
    return found


def _hand_out(files: SlurmFiles, sent: SentArray) -> None:
    """Write what each worker of an array reads when it starts, where submitit has not."""
    from submitit.core.utils import DelayedSubmission, JobPaths

    from hpcsweep.slurm.on_node.worker import work_on_slurm

    minutes = SlurmTerms.from_json(files.read_terms()).request.minutes
    for task, order in zip(task_names(sent), _orders(files, sent), strict=True):
        path = JobPaths(files.workers, task).submitted_pickle
        if not path.exists():
            delayed = DelayedSubmission(work_on_slurm, *order)
            delayed.set_timeout(minutes, 0)
            delayed.dump(path)


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
