"""How far the trajectories of a sweep are, from one look at the store, and how long the rest takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hpcsweep.launch.measured import worked
from hpcsweep.launch.prediction import clock, goal_of
from hpcsweep.metrics import HEADLINES, SECONDS, metrics_among
from hpcsweep.store import Store
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import Run, Trajectory, epochs_of


class Stage(NamedTuple):
    """How far a run in training is: its last logged epoch (None before the first) of how many, and seconds.

    `left_s` is what its last epoch says of those to come; None before it has one, and for jobs without epochs.
    """

    epoch: int | None
    epochs: int | None
    elapsed_s: float | None
    left_s: float | None
    reached: float  # epochs, and the part of the next one that its time says

    def in_words(self) -> str:
        """Return it for people."""
        of = f"/{self.epochs}" if self.epochs else ""
        epoch = f"before its first epoch{f' of {self.epochs}' if of else ''}"
        if self.epoch is not None:
            epoch = f"epoch {self.epoch}{of}"
        since = "" if self.elapsed_s is None else f", {clock(self.elapsed_s)} so far"
        left = "" if self.left_s is None else f", about {clock(self.left_s)} left"
        return epoch + since + left


def stage_of(progress: Mapping[str, Any]) -> Stage:
    """Return how far the run is that a progress.json tells of, as of now."""
    now, epoch, epochs = time.time(), progress.get("epoch"), progress.get("epochs")
    elapsed_s = max(now - progress["began"], 0.0) if "began" in progress else None
    epoch_s = progress.get("metrics", {}).get(SECONDS) or 0.0
    if not epoch or not epochs or not epoch_s:
        return Stage(epoch, epochs, elapsed_s, None, epoch or 0)
    begun = min(max((now - progress.get("logged", now)) / epoch_s, 0.0), 0.99)
    reached = min(epoch + begun, epochs)
    return Stage(epoch, epochs, elapsed_s, (epochs - reached) * epoch_s, reached)


@dataclass(frozen=True)
class Progress:
    """How many runs are in which state, and how much is trained of how much: seconds as predicted, or else epochs.

    `epoch` is the newest one of a trajectory in training; `latest` says the same with its times and metrics, in words.
    """

    counts: Counter[str]
    trained: float
    total: float
    latest: str
    epoch: int | None = None

    @property
    def runs(self) -> int:
        """The number of runs that were looked at."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """The number of runs that are done or failed."""
        return self.counts[RunState.DONE] + self.counts[RunState.FAILED]


@dataclass
class TimeLeft:
    """How long the rest takes if it goes on as since the first look."""

    _first: tuple[float, float] | None = field(default=None, init=False)

    def after(self, look: Progress) -> str:
        """Return what is left after the newest look, H:MM:SS; empty as long as nothing was trained."""
        now = time.monotonic()
        began, trained = self._first = self._first or (now, look.trained)
        done = look.trained - trained
        return clock((look.total - look.trained) * (now - began) / done) if done > 0 else ""


def progress_of(
    store: Store, trajectories: Sequence[Trajectory], epoch_s: Mapping[str, float] | None = None
) -> Progress:
    """Look at the store. `epoch_s`: what an epoch of each trajectory will take, where they are not alike."""
    runs = [run for trajectory in trajectories for run in trajectory.runs]
    states = store.states(runs)
    counts = Counter(states.get(run.id, RunState.NEW) for run in runs)
    trained = total = 0.0
    latest: dict[str, Any] = {}
    for trajectory in trajectories:
        goal, weight = goal_of(trajectory), (epoch_s or {}).get(trajectory.id, 1.0)
        total += goal * weight
        ended = [run for run in trajectory.runs if states.get(run.id) in (RunState.DONE, RunState.FAILED)]
        reached: float = goal if len(ended) == len(trajectory.runs) else max(map(_work, ended), default=0)
        if any(states.get(run.id) == RunState.RUNNING for run in trajectory.runs):
            progress = store.progress(trajectory.id) or {}
            reached = max(reached, min(goal, stage_of(progress).reached if progress.get("epochs") else 0))
            latest = progress or latest
        trained += reached * weight
    return Progress(counts, trained, total, _latest(latest), latest.get("epoch"))


def _work(run: Run) -> int:
    return worked(run.params, epochs_of(run.params))


def _latest(progress: dict[str, Any]) -> str:
    if not progress:
        return ""
    shown = [name for name in HEADLINES if name in progress["metrics"]][:2]
    shown = shown or metrics_among(progress["metrics"])[:2]
    metrics = " ".join(f"{name} {progress['metrics'][name]:.4g}" for name in shown)
    return f"{stage_of(progress).in_words()} {metrics}".strip()
