"""How far the trajectories of a sweep are, from one look at the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpcsweep.metrics import HEADLINES, metrics_among
from hpcsweep.store import Store
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import Run, Trajectory, epochs_of


@dataclass(frozen=True)
class Progress:
    """How many runs are in which state, and how much is trained of how much: epochs, or runs if the job has no epochs.

    `latest` is the newest epoch of a trajectory in training, with its metrics, in words; empty if there is none.
    """

    counts: Counter[str]
    trained: float
    total: float
    latest: str

    @property
    def runs(self) -> int:
        """The number of runs that were looked at."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """The number of runs that are done or failed."""
        return self.counts[RunState.DONE] + self.counts[RunState.FAILED]


def progress_of(store: Store, trajectories: Sequence[Trajectory]) -> Progress:
    """Look at the store."""
    runs = [run for trajectory in trajectories for run in trajectory.runs]
    states = store.states(runs)
    counts = Counter(states.get(run.id, RunState.NEW) for run in runs)
    trained = total = 0.0
    latest: dict[str, Any] = {}
    for trajectory in trajectories:
        goal = max(_work(run) for run in trajectory.runs)
        total += goal
        ended = [run for run in trajectory.runs if states.get(run.id) in (RunState.DONE, RunState.FAILED)]
        reached = goal if len(ended) == len(trajectory.runs) else max(map(_work, ended), default=0)
        if any(states.get(run.id) == RunState.RUNNING for run in trajectory.runs):
            progress = store.progress(trajectory.id) or {}
            reached = max(reached, min(goal, progress.get("epoch", 0) if progress.get("epochs") else 0))
            latest = progress or latest
        trained += reached
    return Progress(counts, trained, total, _latest(latest))


def _work(run: Run) -> int:
    return epochs_of(run.params) or 1


def _latest(progress: dict[str, Any]) -> str:
    if not progress:
        return ""
    shown = [name for name in HEADLINES if name in progress["metrics"]][:2]
    shown = shown or metrics_among(progress["metrics"])[:2]
    metrics = " ".join(f"{name} {progress['metrics'][name]:.4g}" for name in shown)
    epochs = f"/{progress['epochs']}" if progress.get("epochs") else ""
    return f"epoch {progress['epoch']}{epochs} {metrics}"
