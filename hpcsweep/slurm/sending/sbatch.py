"""Running sbatch so that nothing is queued twice: an answer that was lost is neither a yes nor a no.

SLURM may have taken an array although sbatch was told nothing of it. So each array has a job name of its own, by which
it is looked for before it is sent again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hpcsweep.errors import SchedulerError
from hpcsweep.slurm.commands import NO_ANSWER, Answer, ask, ask_aloud

WAITS_S = (2.0, 5.0, 10.0, 20.0, 40.0)
PATIENCE_S = 300.0  # sbatch itself tries for about two minutes where the queue is full
_QUEUED = re.compile(r"^Submitted batch job (\d+)", re.MULTILINE)
_NOTICE = re.compile(r"sbatch: (?!error: |fatal: )(.+)")  # an error is told with what becomes of it
_SLEEPS = "sleeping and retrying"
_NOT_NOW = re.compile(r"temporarily un(?:able|available)|rate.?limit|RPC limit|standby mode", re.IGNORECASE)
_UNKNOWN = re.compile(
    r"timed out|Unable to contact|Zero Bytes|Connection re(?:fused|set)|[Cc]ommunication connection|Unexpected message"
    rf"|Broken pipe|[Ss]end/recv|[Mm]essage (?:send|receive)|Transport endpoint|{NO_ANSWER}"
)
_REMEDIES = (
    (
        re.compile(r"MaxSubmitJob|job submit limit"),
        "you have as many jobs in the queue as your QOS or account allows: wait until some end, or send fewer workers "
        "(--workers N)",
    ),
    (
        re.compile(r"Invalid feature specification"),
        "no node has one of the features that the constraint names, also if another would do (sinfo -o %f shows them)",
    ),
    (re.compile(r"Invalid job array specification"), "arrays are smaller here: send fewer workers (--workers N)"),
)

Say = Callable[[str], None]


class UnknownOutcomeError(SchedulerError):
    """Nobody knows whether SLURM has taken an array; it must be looked for by its name."""


def send(script: Path, job_name: str, say: Say, waits_s: Sequence[float] = WAITS_S) -> str:
    """Queue a batch script and return its id; what SLURM cannot do now is tried again, and said.

    SchedulerError: SLURM has refused it, in its own words. UnknownOutcomeError: SLURM does not say whether it has it.
    """
    uncertain, began, answer = False, time.monotonic(), Answer("")
    for wait_s in (*waits_s, None):
        found = find_arrays(job_name) if uncertain else []
        if found:
            say(f"SLURM has the workers, although its answer was lost: array {found[0]}")
            return _only(found)
        if found is not None:
            if wait_s is None and uncertain:
                raise SchedulerError(_not_taken(answer))
            answer = ask_aloud(["sbatch", str(script)], lambda line: _hear(line, say), timeout_s=PATIENCE_S)
            if queued := _QUEUED.search(answer.text):
                return _only([queued[1], *(find_arrays(job_name) or ())]) if uncertain else queued[1]
            uncertain = uncertain or _is_uncertain(answer)
            if not uncertain and not _NOT_NOW.search(answer.problem or ""):
                raise SchedulerError(f"SLURM refused the workers: {_refusal(answer)}")
        if wait_s is None or time.monotonic() - began > PATIENCE_S:
            break
        does = "looking for the workers, then trying again," if uncertain else "trying again"
        say(f"SLURM does not take the workers now ({_refusal(answer)}); {does} in {wait_s:.0f} s")
        time.sleep(wait_s)
    if not uncertain:
        raise SchedulerError(_not_taken(answer))
    raise UnknownOutcomeError(
        f"SLURM does not say whether it has the workers ({_refusal(answer)}); they will be looked for by their job "
        "name before any others are sent: type the same again later"
    )


def find_arrays(job_name: str) -> list[str] | None:
    """Return the ids of the arrays, queued or ended, of a job name, oldest first; None if SLURM does not answer."""
    answer = ask(["squeue", "-h", "-a", "-t", "all", "--name", job_name, "-o", "%F"])
    if answer.problem:
        return None
    lines = answer.lines or ask(["sacct", "-X", "-n", "-P", "--name", job_name, "-o", "jobid"]).lines
    return sorted({line.strip().partition("_")[0] for line in lines}, key=int)


def _only(arrays: list[str]) -> str:
    """Return the first of the arrays of one name, and cancel the others, which SLURM took later than it said."""
    if others := set(arrays) - {arrays[0]}:
        ask(["scancel", *sorted(others)])
    return arrays[0]


def _is_uncertain(answer: Answer) -> bool:
    return bool(_UNKNOWN.search(f"{answer.text} {answer.problem}")) or (answer.problem is None)


def _hear(line: str, say: Say) -> None:
    if _SLEEPS in line:
        say("SLURM takes no more jobs now, its queue may be full (MaxJobCount); sbatch waits, and tries again")
    elif found := _NOTICE.match(line):  # such as where a job submit plug-in of the site has sent the workers
        say(f"SLURM says: {found[1]}")


def _refusal(answer: Answer) -> str:
    """Return what sbatch said, and what helps."""
    said = answer.problem or f'sbatch: "{answer.text.strip()}", expected the number of a job'
    helps = next((words for pattern, words in _REMEDIES if pattern.search(answer.text)), "")
    return f"{said.removeprefix('sbatch: ')}{'; ' if helps else ''}{helps}"


def _not_taken(answer: Answer) -> str:
    return (
        f"SLURM takes no workers now ({_refusal(answer)}); nothing was submitted; type the same again later, or when "
        "jobs have ended (squeue shows them)"
    )
