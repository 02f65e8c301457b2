"""How long what is left of a plan will take, from runs of the same job that the store has measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from hpcsweep.errors import StoreError
from hpcsweep.plan import Plan
from hpcsweep.run import Trajectory
from hpcsweep.store import Result, Store
from hpcsweep.store.records import read_result
from hpcsweep.store.states import epochs_of

GUESSED_EPOCH_S = 1.0  # a small net with the compiled loop on a slow core, to have an order of magnitude
MOST_READ = 200


@dataclass(frozen=True)
class Prediction:
    """Seconds of training, one trajectory after the other; `measured` counts the runs that this was taken from."""

    training_s: float
    measured: int
    gpus: int

    @property
    def gpu_hours(self) -> float:
        """Hours of GPU time; 0 for workers without a GPU."""
        return self.training_s / 3600 * self.gpus

    def in_words(self, workers: int) -> str:
        """Return the prediction as a line for people."""
        basis = f"measured on {self.measured} runs" if self.measured else f"a guess: {GUESSED_EPOCH_S:g} s an epoch"
        gpus = f", {self.gpu_hours:.2g} GPU-hours" if self.gpus else ""
        alone, together = clock(self.training_s), clock(self.training_s / max(workers, 1))
        return f"predicted training time {alone} in all{gpus}, {together} with {workers} worker(s) ({basis})"


def predict(plan: Plan, store: Store) -> Prediction:
    """Predict the training that is left of `plan`, from the median seconds an epoch of the job's finished runs."""
    measured = [result.facts["time_s"] / _work(result.epoch) for result in _finished(plan, store)]
    epoch_s = median(measured) if measured else GUESSED_EPOCH_S
    done = {run.id for run, state in zip(plan.sweep.runs, plan.states, strict=True) if state == "done"}
    left = sum(_epochs_left(trajectory, done) for trajectory in plan.unfinished())
    return Prediction(left * epoch_s, len(measured), plan.sweep.profile.gpus or 0)


def clock(time_s: float) -> str:
    """Return seconds as H:MM:SS."""
    whole = round(time_s)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _finished(plan: Plan, store: Store) -> Iterator[Result]:
    ids = store.result_ids()
    for trajectory_id, run_id in ids[:: max(1, len(ids) // MOST_READ)]:
        try:
            result = read_result(store.folder(trajectory_id), run_id, with_arrays=False)
        except (StoreError, OSError):
            continue
        if result.job == plan.sweep.job.reference and result.outcome == "done" and "time_s" in result.facts:
            yield result


def _epochs_left(trajectory: Trajectory, done: set[str]) -> int:
    finished = max((_work(epochs_of(run.params)) for run in trajectory.runs if run.id in done), default=0)
    return max(_work(epochs_of(run.params)) for run in trajectory.runs) - finished


def _work(epochs: int | None) -> int:
    return max(epochs or 1, 1)
