"""Asking SLURM's commands: each call has a time limit of its own, and "no answer" is a value, not an exception."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

QUERY_TIMEOUT_S = 20.0  # SLURM's own commands give up on a dead controller after about 9 s
ABSENT = "is not on this machine"
NO_ANSWER = "did not answer"
SETTINGS = (
    *("SLURM_", "_SLURM_", "SLURMD_", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SACCT_", "SACCTMGR_", "SINFO_"),
    *("SCANCEL_", "SCONTROL_", "SUBMITIT_"),
)
T = TypeVar("T")
REACHES_SLURM = ("SLURM_CONF", "SLURM_JWT")


@dataclass(frozen=True)
class Answer:
    """What a command printed, or one sentence that says why there is nothing to read."""

    text: str
    problem: str | None = None

    @property
    def lines(self) -> list[str]:
        """The lines that are not empty."""
        return [line for line in self.text.splitlines() if line.strip()]


def ask(
    command: Sequence[str],
    *,
    timeout_s: float = QUERY_TIMEOUT_S,
    environment: Mapping[str, str] | None = None,
    with_stderr: bool = False,
    typed: str = "",
) -> Answer:
    """Run `command` without a shell and return its stdout; a failure of any kind becomes `Answer.problem`.

    `with_stderr`: its stderr as well, to which `sbatch --test-only` writes its answer. `typed` is what it reads.
    """
    try:
        done = subprocess.run(
            list(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if with_stderr else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=dict(environment) if environment is not None else clean_environment() | {"LC_ALL": "C"},
            input=typed,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _too_late(command, timeout_s)
    except OSError as error:
        return _not_run(command, error)
    return _answer(command, done.stdout, done.stderr or done.stdout, done.returncode)


def together(*calls: Callable[[], T]) -> list[T]:
    """Make several calls at the same time, so that slow commands are waited for together; return what each returns."""
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


def ask_aloud(command: Sequence[str], heard: Callable[[str], None], *, timeout_s: float) -> Answer:
    """Run a command whose job inherits this environment (less what is not for it), and hear each line as it is printed.

    Both streams are the answer's text. What is late is killed, with all that it has started.
    """
    try:
        running = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=clean_environment(),
            start_new_session=True,
        )
    except OSError as error:
        return _not_run(command, error)
    timer = threading.Timer(timeout_s, os.killpg, (running.pid, signal.SIGKILL))
    timer.start()
    lines = []
    with running:
        for line in running.stdout or ():
            lines.append(line)
            heard(line.strip())
    late = timer.finished.is_set()
    timer.cancel()
    text = "".join(lines)
    return _too_late(command, timeout_s) if late else _answer(command, text, text, running.returncode)


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change SLURM's commands: an outer job's settings, and the user's."""
    return {name: value for name, value in os.environ.items() if name in REACHES_SLURM or not name.startswith(SETTINGS)}


def _answer(command: Sequence[str], text: str, said: str, code: int) -> Answer:
    return Answer(text, _last_words(command[0], said, code) if code else None)


def _too_late(command: Sequence[str], timeout_s: float) -> Answer:
    return Answer("", f"{command[0]} {NO_ANSWER} within {timeout_s:.0f} s")


def _not_run(command: Sequence[str], error: OSError) -> Answer:
    absent = isinstance(error, FileNotFoundError)
    return Answer("", f"{command[0]} {ABSENT if absent else f'cannot be run: {error.strerror}'}")


def _last_words(program: str, text: str, code: int) -> str:
    """Return what a failed command said, in one line without its own name and words such as "error"."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = [line.removeprefix(f"{program}: ").removeprefix("error: ").removeprefix("fatal: ") for line in lines]
    return f"{program}: {'; '.join(words[-2:]) if words else f'exit code {code}'}"
