"""How long the rest of a plan will take, from what runs of the same job have cost."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpcsweep.launch.cost import NOTHING, Costs, Span
from hpcsweep.launch.measured import costs_of, worked
from hpcsweep.store import Store
from hpcsweep.store.checkpoints import has_checkpoint
from hpcsweep.suggest.of_sweep import goals_of
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Trajectory, epochs_of

VAGUE = 6.0  # as far as this lie the ends of a span apart that says little
GUESSED_EPOCH_S = 1.0  # a small net with the compiled loop on a slow core, as an order of magnitude
MOST_PREDICTED = 2000  # of more trajectories every n-th is looked at


@dataclass(frozen=True)
class Prediction:
    """The training that is left, one trajectory after the other, and its longest trajectory.

    `measured` runs stand behind it; if there are none, the time is a guess. `anew` counts the trajectories with
    finished runs of which no checkpoint was kept: they are trained from the start. `keeps`: whether runs keep
    checkpoints, as far as that is known. `most` is for a sweep with [halving] of which the dearest settings go on.
    """

    training: Span
    longest: Span
    trajectories: int
    measured: int
    gpus: int
    anew: int = 0
    keeps: bool | None = None
    most: Span | None = None

    @property
    def gpu_hours(self) -> float:
        """Hours of GPU time; 0 for workers without a GPU."""
        return self.training.likely / 3600 * self.gpus

    def in_words(self, workers: int) -> str:
        """Return the prediction as a line for people."""
        alone, together = (self._span(self.training.times(1 / share)) for share in (1, max(workers, 1)))
        gpus = f", {self.gpu_hours:.2g} GPU-hours" if self.gpus else ""
        said = f"predicted training time {alone} in all{gpus}, {together} with {workers} worker(s) ({self.basis})"
        anew = f"; {self.anew} trajectories are trained from their start, as their checkpoints were not kept"
        most = f"; at most {self._span(self.most)} in all, if the dearest settings go on" if self.most else ""
        return said + most + (anew if self.anew else "") + self._doubt()

    def _doubt(self) -> str:
        """Say that it is little more than an order of magnitude, where it is."""
        if not self.measured or self.training.high <= VAGUE * self.training.low:
            return ""
        off = math.sqrt(self.training.high / self.training.low)
        return (
            f"; no such run was measured, so it may be {off:.1g} times more or less: `hpcsweep try SWEEP` measures one"
        )

    def _span(self, span: Span) -> str:
        between = f" ({clock(span.low)} to {clock(span.high)})" if self.measured else ""
        return f"{clock(span.likely)}{between}"

    @property
    def basis(self) -> str:
        """What the prediction rests on, in words."""
        if not self.measured:
            return f"a guess: {GUESSED_EPOCH_S:g} s per epoch; `hpcsweep try SWEEP` measures it"
        return f"from {self.measured} measured run{'s' if self.measured > 1 else ''}"


def predict_training(
    sweep: Sweep, left: Sequence[Trajectory], done: Collection[str], store: Store, *, gpus: int = 0
) -> Prediction:
    """Predict the training of the trajectories `left` from what runs of the job have cost, in this store or when tried.

    `done` are the ids of the sweep's runs that are done; `gpus` are those of a worker's allocation.
    """
    has_gpu = gpus > 0
    costs = costs_of(sweep.job.reference, store, left, has_gpu=has_gpu) if left else Costs()
    goals = goals_of(sweep, store, lambda one: training_of(costs, one.runs[-1].params, 1, has_gpu=has_gpu).likely)
    some = left[:: max(1, len(left) // MOST_PREDICTED)]
    total, longest, most, anew = NOTHING, NOTHING, NOTHING, 0
    for trajectory in some:
        finished = _finished_epochs(trajectory, done)
        if finished and not has_checkpoint(store.folder(trajectory.id), goal_of(trajectory)):
            finished, anew = 0, anew + 1
        params, ends = trajectory.runs[-1].params, (goal_of(trajectory), *(goals(trajectory) if goals else ()))
        whole, *halved = (training_of(costs, params, end - finished, has_gpu=has_gpu) for end in ends)
        likely, dearest = halved or (whole, NOTHING)
        total, most = total + likely, most + dearest
        longest = max(longest, whole, key=lambda span: span.likely)
    beside = sweep.search.rounds(store.decided) if sweep.search else ()
    all_of_them = len(left) + sum(one.to_come for one in beside)  # points to come are taken to be like those so far
    share = all_of_them / len(some) if some else 1.0
    known = [one.keeps for one in costs.measured if one.keeps is not None]
    return Prediction(
        total.times(share),
        longest,
        all_of_them if left else 0,
        len(costs.measured),
        gpus,
        round(anew * len(left) / max(len(some), 1)),
        all(known) if known else None,
        most.times(share) if goals else None,
    )


def training_of(costs: Costs, params: Mapping[str, Any], epochs: float, *, has_gpu: bool) -> Span:
    """Return the seconds that so many epochs of a run take; a guess, one number, if nothing was measured."""
    if not costs.measured:
        return Span(*(GUESSED_EPOCH_S * epochs,) * 3)
    before_s = costs.before_s()
    once = Span(before_s / 2, before_s, before_s * 2)
    return costs.epoch(params, has_gpu=has_gpu).times(epochs) + once


def epochs_in_s(sweep: Sweep, left: Sequence[Trajectory], store: Store) -> dict[str, Span]:
    """Return what an epoch of each trajectory takes, by its id; nothing if no run was measured."""
    has_gpu = bool(sweep.profile.gpus)
    costs = costs_of(sweep.job.reference, store, has_gpu=has_gpu)
    if not costs.measured:
        return {}
    return {one.id: costs.epoch(one.runs[-1].params, has_gpu=has_gpu) for one in left}


def goal_of(trajectory: Trajectory) -> int:
    """Return how many epochs a trajectory is to have at its end; 1 if its job takes none."""
    return max(worked(run.params, epochs_of(run.params)) for run in trajectory.runs)


def clock(time_s: float) -> str:
    """Return seconds as H:MM:SS."""
    whole = round(time_s)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _finished_epochs(trajectory: Trajectory, done: Collection[str]) -> int:
    return max((worked(run.params, epochs_of(run.params)) for run in trajectory.runs if run.id in done), default=0)
