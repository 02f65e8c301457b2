"""Asking SLURM's commands: each call has a time limit of its own, and "no answer" is a value, not an exception."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

QUERY_TIMEOUT_S = 20.0  # SLURM's own commands give up on a dead controller after about 9 s
ABSENT = "is not on this machine"
SETTINGS = (
    *("SLURM_", "SLURMD_", "SBATCH_", "SRUN_", "SALLOC_", "SQUEUE_", "SACCT_", "SINFO_", "SCANCEL_", "SCONTROL_"),
    "SUBMITIT_",
)
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
) -> Answer:
    """Run `command` without a shell and return its stdout; a failure of any kind becomes `Answer.problem`.

    `with_stderr`: its stderr as well, to which `sbatch --test-only` writes its answer.
    """
    if environment is None:
        environment = clean_environment() | {"LC_ALL": "C"}
    try:
        done = subprocess.run(
            list(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if with_stderr else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        return Answer("", f"{command[0]} {ABSENT}")
    except subprocess.TimeoutExpired:
        return Answer("", f"{command[0]} did not answer within {timeout_s:.0f} s")
    except OSError as error:
        return Answer("", f"{command[0]} cannot be run: {error.strerror}")
    if done.returncode:
        return Answer(done.stdout, _last_words(command[0], done.stderr or done.stdout, done.returncode))
    return Answer(done.stdout)


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change SLURM's commands: an outer job's settings, and the user's."""
    return {name: value for name, value in os.environ.items() if name in REACHES_SLURM or not name.startswith(SETTINGS)}


def with_clean_environment(command: Sequence[str]) -> list[str]:
    """Return `command` as words that run it so."""
    hidden = sorted(os.environ.keys() - clean_environment().keys())
    return ["/usr/bin/env", *(word for name in hidden for word in ("-u", name)), *command]


def _last_words(program: str, text: str, code: int) -> str:
    """Return what a failed command said, in one line without its own name and words such as "error"."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = [line.removeprefix(f"{program}: ").removeprefix("error: ").removeprefix("fatal: ") for line in lines]
    return f"{program}: {'; '.join(words[-2:]) if words else f'exit code {code}'}"
