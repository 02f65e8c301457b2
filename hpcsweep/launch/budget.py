"""What a submission will use: GPU-hours and wall hours at least and at most, and whether its runs can end at all."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from hpcsweep.errors import UsageError
from hpcsweep.launch.cost import Span
from hpcsweep.launch.prediction import Prediction, clock, predict_training
from hpcsweep.machine import default_workers
from hpcsweep.slurm.sending.from_profile import make_request
from hpcsweep.store import Store
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.profile import Profile
from hpcsweep.sweep.runs import Trajectory

HOUR_S = 3600.0
USUAL_WORKERS = 8
LEAST_TOLD = 0.01  # hours


@dataclass(frozen=True)
class Budget:
    """What is predicted for so many workers, each with an allocation of `wall_s` seconds; None without a limit."""

    prediction: Prediction
    workers: int
    gpus: int
    at_once: int  # trajectories that one worker trains at the same time
    wall_s: float | None

    @property
    def unit(self) -> str:
        """What is counted: GPU-hours, or for workers without a GPU the hours of their allocations."""
        return "GPU-hours" if self.gpus else "worker-hours"

    @property
    def hours(self) -> Span:
        """GPU-hours, or worker-hours."""
        return self._hours_of(self.prediction.training)

    @property
    def most_hours(self) -> Span:
        """The same, with [halving] if the dearest settings go on."""
        return self._hours_of(self.prediction.most or self.prediction.training)

    def _hours_of(self, training: Span) -> Span:
        return training.times(max(self.gpus, 1) / self.at_once / HOUR_S)

    @property
    def wall_hours(self) -> Span:
        """Hours from the first worker's start to the last one's end, if all start at once."""
        together = self.prediction.training.times(1 / (self.workers * self.at_once))
        longest = zip(together, self.prediction.longest, strict=True)
        return Span(*(max(pair) / HOUR_S for pair in longest))

    def lines(self) -> Iterator[str]:
        """Yield the lines for people."""
        if self.prediction.measured:
            yield (
                f"budget: {_hours(self.hours)} {self.unit}{self._at_most()}, {_hours(self.wall_hours)} wall hours with "
                f"{self.workers} worker(s), {self.prediction.basis}"
            )
            yield from self._allocations()
        elif self.wall_s is not None:
            most = self.workers * max(self.gpus, 1) * self.wall_s / HOUR_S
            yield (
                f"budget: nothing is measured yet; the first allocations may use up to {most:.3g} {self.unit} "
                f"({self.workers} worker(s), {clock(self.wall_s)} each); measure it: hpcsweep try SWEEP"
            )

    def refuse(self, most_gpu_hours: float | None) -> None:
        """Raise UsageError, one line, if runs can never end, or more GPU-hours may be used than are allowed."""
        measured, longest = self.prediction.measured, self.prediction.longest
        if measured and self.wall_s and self.prediction.keeps is False and longest.low > self.wall_s:
            raise UsageError(
                f"time: found {clock(self.wall_s)} per worker, but a run needs at least {clock(longest.low)} "
                f"({self.prediction.basis}) and keeps no checkpoints, so it can never end; expected more time: --time, "
                "or a job that calls run.checkpoint"
            )
        if most_gpu_hours is None or not self.gpus:
            return
        if not measured:
            raise UsageError(
                f"--max-gpu-hours: found {most_gpu_hours:g}, but nothing is measured yet, so nobody knows; expected "
                "a finished run, or: hpcsweep try SWEEP"
            )
        if self.most_hours.high > most_gpu_hours:
            raise UsageError(
                f"--max-gpu-hours: found {most_gpu_hours:g}, but the sweep may need {self.most_hours.high:.3g} "
                f"(likely {self.hours.likely:.3g}, {self.prediction.basis}); expected a larger number, or fewer runs"
            )

    def _at_most(self) -> str:
        return f", at most {_hours(self.most_hours)}" if self.prediction.most else ""

    def _allocations(self) -> Iterator[str]:
        """Yield what follows if the longest trajectory may not fit into one allocation."""
        longest, keeps = self.prediction.longest, self.prediction.keeps
        if not self.wall_s or (longest.high if keeps is False else longest.likely) <= self.wall_s:
            return
        if keeps is False:
            ends = "cannot end" if longest.low > self.wall_s else "may not end"
            yield (
                f"WARNING: a trajectory of {clock(longest.low)} to {clock(longest.high)} {ends} within "
                f"{clock(self.wall_s)}, and as it keeps no checkpoints it would begin anew each time; give it more time"
            )
            return
        low, high = (max(math.ceil(time_s / self.wall_s), 1) for time_s in (longest.low, longest.high))
        needs = f"a trajectory of {clock(longest.likely)} does not end within {clock(self.wall_s)}"
        many = f"{low} to {high}" if high > low else f"{low}"
        unknown = "" if keeps else ", if its job keeps checkpoints (`hpcsweep try SWEEP` tells)"
        yield f"{needs}: it goes on from its checkpoints, in {many} allocations one after the other{unknown}"


def budget_of_plan(
    sweep: Sweep,
    profile: Profile,
    left: Sequence[Trajectory],
    done: Collection[str],
    store: Store,
    *,
    workers: int | None = None,
    wall_s: float | None = None,
) -> Budget:
    """Return the budget of the trajectories `left`; `done` are the ids of runs that are done.

    By default `workers` and `wall_s` are what the profile, with the sweep's resources in it, comes to.
    """
    is_slurm = profile.scheduler == "slurm"
    request = make_request(profile)
    gpus = request.gpu_count if is_slurm else profile.gpus
    if workers is None and is_slurm:
        given = profile.workers if isinstance(profile.workers, int) else profile.max_workers or USUAL_WORKERS
        workers = min(given, len(left))
    elif workers is None:
        workers = default_workers(max(len(left), 1), asked=None, given=profile.workers)
    sharing = profile.workers_per_gpu
    at_once = max(gpus, 1) * sharing if isinstance(sharing, int) else 1
    prediction = predict_training(sweep, left, done, store, gpus=gpus)
    wall_s = wall_s or (request.minutes * 60.0 if is_slurm else None)
    return Budget(prediction, max(workers, 1), gpus, at_once, wall_s)


def _hours(span: Span) -> str:
    if span.high < LEAST_TOLD:
        return f"less than {LEAST_TOLD:g}"
    return f"{span.likely:.2g} ({span.low:.2g} to {span.high:.2g})"
