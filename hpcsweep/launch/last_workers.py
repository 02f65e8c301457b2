"""Which runs the workers that have died were at, and how much memory was seen to be used there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hpcsweep.slurm.watching.deaths import Death
from hpcsweep.store import Store
from hpcsweep.store.claims import read_owner
from hpcsweep.sweep.runs import Run


def trace_deaths(runs: Iterable[Run], store: Store, deaths: Sequence[Death]) -> tuple[list[Death], dict[str, Death]]:
    """Return deaths with the most memory that was seen in what their workers were at, and those of last workers.

    The latter by the id of the run whose last worker died. A run that others have taken over counts for each of them.
    """
    by_task = {death.task: death for death in deaths}
    used_gb, last = defaultdict[str, float](float), {}
    for run in runs:
        look = store.look(run.trajectory)
        owners = [str(read_owner(look.folder, number).get("worker")) for number in range(1, look.generation + 1)]
        if not (dead := by_task.keys() & set(owners)):
            continue
        seen_gb = look.folder.seen_gb()
        for task in dead:
            used_gb[task] = max(used_gb[task], seen_gb)
        if owners[-1] in dead:
            last[run.id] = replace(by_task[owners[-1]], used_gb=seen_gb)
    return [replace(death, used_gb=used_gb[death.task]) for death in deaths], last
