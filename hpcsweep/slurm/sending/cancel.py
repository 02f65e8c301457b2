"""Taking workers out of the queue again, or telling those at work to end."""

from __future__ import annotations

from collections.abc import Iterable

from hpcsweep.slurm.commands import ask

WAKE = "USR1"  # a signal on which a worker stops at its next checkpoint


def cancel(tasks: Iterable[str], job_names: Iterable[str] = ()) -> str | None:
    """Cancel arrays, or single tasks of them, and jobs by name if their id is unknown.

    Returns why SLURM could not be told, or None.
    """
    problem = _told("scancel", *tasks)
    for name in job_names:
        ask(["scancel", f"--name={name}"])
    return problem


def wake(tasks: Iterable[str]) -> str | None:
    """Tell the workers of tasks to stop at their next checkpoint; return why SLURM could not be told, or None."""
    return _told("scancel", f"--signal={WAKE}", *tasks)


def _told(*command: str) -> str | None:
    if command[-1].startswith("-") or len(command) == 1:
        return None
    problem = ask(command).problem
    return problem if problem and "Invalid job id" not in problem else None
