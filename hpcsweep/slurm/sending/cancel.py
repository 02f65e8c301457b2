"""Taking workers out of the queue again, or telling those at work to end."""

from __future__ import annotations

from collections.abc import Iterable

from hpcsweep.slurm.commands import ask

WAKE = "USR1"  # a signal on which a worker stops at its next checkpoint


def cancel_arrays(arrays: Iterable[str], job_names: Iterable[str]) -> str | None:
    """Cancel arrays by id, or by job name if the id is unknown; return why SLURM could not be told, or None."""
    problem = cancel_tasks(arrays)
    for name in job_names:
        ask(["scancel", f"--name={name}"])
    return problem


def cancel_tasks(tasks: Iterable[str]) -> str | None:
    """Cancel arrays, or single tasks of them; return why SLURM could not be told, or None."""
    return _told("scancel", *tasks)


def wake(tasks: Iterable[str]) -> str | None:
    """Tell the workers of tasks to stop at their next checkpoint; return why SLURM could not be told, or None."""
    return _told("scancel", f"--signal={WAKE}", *tasks)


def _told(*command: str) -> str | None:
    if command[-1].startswith("-") or len(command) == 1:
        return None
    problem = ask(command).problem
    return problem if problem and "Invalid job id" not in problem else None
