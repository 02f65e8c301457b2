"""What the workers of a sweep have used of a cluster so far, from the events that they wrote."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.store import Store
from hpcsweep.store.events import Event
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions

HOUR_S = 3600.0


@dataclass(frozen=True)
class Spent:
    """Hours of allocations, with whatever ended them, and of the GPUs in them."""

    allocations: int = 0
    hours: float = 0.0
    gpu_hours: float = 0.0

    def in_words(self, finished: int) -> str:
        """Return a line for people; `finished` is how many runs are done."""
        hours, unit = (self.gpu_hours, "GPU-hours") if self.gpu_hours else (self.hours, "worker-hours")
        each = f", {hours / finished:.2g} per finished run" if finished else ""
        return f"spent: {hours:.2g} {unit} in {self.allocations} allocation(s){each}"

    def to_json(self) -> dict[str, Any]:
        """Return what `status --json` prints."""
        return dict(vars(self))


def spent_on(store: Store, sweep: str, running: Collection[str]) -> Spent:
    """Return what was spent on a sweep; `running` names the tasks that run now."""
    attempts = [
        (hours, hours * _gpus(files))
        for files in slurm_submissions(store.layout, sweep)
        for task in files.tasks()
        for hours in _hours(files.events(task), is_running=task in running)
    ]
    return Spent(len(attempts), sum(hours for hours, _ in attempts), sum(gpu_hours for _, gpu_hours in attempts))


def _hours(events: list[dict[str, Any]], *, is_running: bool) -> Iterator[float]:
    """Yield the hours of each attempt of a task, until its end or, if that is not known, the last that it said."""
    attempts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        attempts[int(event.get("restart", 0))].append(event)
    for restart, one in attempts.items():
        times = [float(event["time"]) for event in one]
        goes_on = is_running and restart == max(attempts) and all(event["event"] != Event.EXIT for event in one)
        yield max((time.time() if goes_on else max(times)) - min(times), 0.0) / HOUR_S


def _gpus(files: SlurmFiles) -> int:
    try:
        return SlurmTerms.from_json(files.read_terms()).request.gpu_count
    except (StoreError, KeyError, TypeError):
        return 0
