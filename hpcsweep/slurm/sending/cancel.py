"""Taking workers out of the queue again."""

from __future__ import annotations

from collections.abc import Iterable

from hpcsweep.slurm.commands import ask


def cancel_arrays(arrays: Iterable[str], job_names: Iterable[str]) -> str | None:
    """Cancel arrays by id, or by job name if the id is unknown; return why SLURM could not be told, or None."""
    ids = list(arrays)
    answer = ask(["scancel", *ids]) if ids else None
    for name in job_names:
        ask(["scancel", f"--name={name}"])
    return answer.problem if answer and answer.problem and "Invalid job id" not in answer.problem else None
