"""Which runs the workers that have died were at, and how much memory they were seen to use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpcsweep.slurm.watching.deaths import Death
from hpcsweep.store import Store
from hpcsweep.store.claims import read_owner
from hpcsweep.sweep.runs import Run


def deaths_by_run(runs: Iterable[Run], store: Store, deaths: Iterable[Death]) -> dict[str, Death]:
    """Return, by the id of each run whose last worker is among the dead, that death with the memory seen in its run."""
    by_task = {death.task: death for death in deaths}
    found = {}
    for run in runs:
        look = store.look(run.trajectory)
        task = str(read_owner(look.folder, look.generation).get("worker")) if look.generation else ""
        if task in by_task:
            found[run.id] = replace(by_task[task], used_gb=_seen_gb(store, run))
    return found


def with_memory(deaths: Iterable[Death], of_runs: Iterable[Death]) -> list[Death]:
    """Return deaths, each with the most memory that was seen in one of the runs that it ended."""
    used_gb: dict[str, float] = {}
    for death in of_runs:
        used_gb[death.task] = max(death.used_gb, used_gb.get(death.task, 0.0))
    return [replace(death, used_gb=used_gb.get(death.task, 0.0)) for death in deaths]


def _seen_gb(store: Store, run: Run) -> float:
    """Return the most memory that a run's last worker was seen to use while it trained; 0 if it died before that."""
    seen_gb = (store.progress(run.trajectory) or {}).get("memory_gb")
    return float(seen_gb) if isinstance(seen_gb, int | float) else 0.0
