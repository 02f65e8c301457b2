"""How far the trajectories of a sweep are, from one look at the store, and how long the rest takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hpcsweep.launch.cost import NOTHING, Span
from hpcsweep.launch.measured import costs_of, worked
from hpcsweep.launch.prediction import clock, goal_of, training_of
from hpcsweep.metrics import HEADLINES, SECONDS, metrics_among
from hpcsweep.store import Store
from hpcsweep.store.states import RunState
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, Trajectory, epochs_of, group_trajectories

ONE = Span(1.0, 1.0, 1.0)


class Stage(NamedTuple):
    """How far a run in training is: its last logged epoch (None before the first) of how many, and seconds.

    `left_s` is what its last epoch says of those to come; None before it has one, and for jobs without epochs. Then
    `others` is what other runs say, if any was measured.
    """

    epoch: int | None
    epochs: int | None
    elapsed_s: float | None
    left_s: float | None
    reached: float  # epochs, and the part of the next one that its time says
    others: Span | None = None

    def in_words(self) -> str:
        """Return it for people."""
        of = f"/{self.epochs}" if self.epochs else ""
        epoch = f"before its first epoch{f' of {self.epochs}' if of else ''}"
        if self.epoch is not None:
            epoch = f"epoch {self.epoch}{of}"
        since = "" if self.elapsed_s is None else f", {clock(self.elapsed_s)} so far"
        left = "" if self.left_s is None else f", about {clock(self.left_s)} left"
        return epoch + since + left + (f", {told_by_others(self.others)}" if self.others else "")


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


def told_by_others(left: Span) -> str:
    """Return what other runs say of the time that is left, for people."""
    if not left.high:
        return "longer than other runs say"
    return (
        f"about {clock(left.likely)} left ({clock(left.low)} to {clock(left.high)}) from other runs, none of this yet"
    )


def told_of_beginners(stages: Mapping[str, Stage], sweep: Sweep, store: Store) -> dict[str, Stage]:
    """Return how far runs in training are, by their ids, with what others say of those that have no epoch yet."""
    told = dict(stages)
    if all(stage.epoch for stage in told.values()):
        return told
    runs, has_gpu = [run for run in sweep.runs if run.id in told], bool(sweep.profile.gpus)
    in_training = group_trajectories(runs, sweep.job.shares_epochs)
    costs = costs_of(sweep.job.reference, store, in_training, has_gpu=has_gpu)
    for run in runs if costs.measured else ():
        if not told[run.id].epoch:
            whole = training_of(costs, run.params, _work(run), has_gpu=has_gpu)
            spent_s = told[run.id].elapsed_s or 0.0
            left = Span(*(max(time_s - spent_s, 0.0) for time_s in whole))
            told[run.id] = told[run.id]._replace(others=left)
    return told


@dataclass(frozen=True)
class Progress:
    """How many runs are in which state, and how much is trained of how much: seconds as predicted, or else epochs.

    `epoch` is the newest one of a trajectory in training; `latest` says the same with its times and metrics, in words.
    `others` is what other runs say of the time that is left, None if none was measured.
    """

    counts: Counter[str]
    trained: float
    total: float
    latest: str
    epoch: int | None = None
    others: Span | None = None

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
        """Return what is left after the newest look; empty as long as nothing was trained and no other run tells."""
        now = time.monotonic()
        began, trained = self._first = self._first or (now, look.trained)
        done = look.trained - trained
        if done > 0:
            return f"about {clock((look.total - look.trained) * (now - began) / done)} left"
        return told_by_others(look.others) if look.others else ""


def progress_of(
    store: Store, trajectories: Sequence[Trajectory], epoch_s: Mapping[str, Span] | None = None, workers: int = 1
) -> Progress:
    """Look at the store. `epoch_s`: what an epoch of each trajectory takes, if that is known; `workers` share them."""
    runs = [run for trajectory in trajectories for run in trajectory.runs]
    states = store.states(runs)
    counts = Counter(states.get(run.id, RunState.NEW) for run in runs)
    trained = total = 0.0
    rest = NOTHING
    latest: dict[str, Any] = {}
    for trajectory in trajectories:
        goal, span = goal_of(trajectory), (epoch_s or {}).get(trajectory.id, ONE)
        total += goal * span.likely
        ended = [run for run in trajectory.runs if states.get(run.id) in (RunState.DONE, RunState.FAILED)]
        reached: float = goal if len(ended) == len(trajectory.runs) else max(map(_work, ended), default=0)
        if any(states.get(run.id) == RunState.RUNNING for run in trajectory.runs):
            progress = store.progress(trajectory.id) or {}
            reached = max(reached, min(goal, stage_of(progress).reached if progress.get("epochs") else 0))
            latest = progress or latest
        trained += reached * span.likely
        rest += span.times((goal - reached) / workers)
    return Progress(counts, trained, total, _latest(latest), latest.get("epoch"), rest if epoch_s else None)


def _work(run: Run) -> int:
    return worked(run.params, epochs_of(run.params))


def _latest(progress: dict[str, Any]) -> str:
    if not progress:
        return ""
    shown = [name for name in HEADLINES if name in progress["metrics"]][:2]
    shown = shown or metrics_among(progress["metrics"])[:2]
    metrics = " ".join(f"{name} {progress['metrics'][name]:.4g}" for name in shown)
    return f"{stage_of(progress).in_words()} {metrics}".strip()
