"""How long the rest of a plan will take, from measured runs of the same job in the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json
from hpcsweep.store import Result, Store
from hpcsweep.store.checkpoints import has_checkpoint
from hpcsweep.store.results import read_result
from hpcsweep.store.states import RunState
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Trajectory, epochs_of

GUESSED_EPOCH_S = 1.0  # a small net with the compiled loop on a slow core, as an order of magnitude
MOST_READ = 200


@dataclass(frozen=True)
class Prediction:
    """Seconds of training, one trajectory after the other; how many are guessed, and how many runs were measured.

    `anew` counts the trajectories with finished runs of which no checkpoint was kept: they are trained from the start.
    """

    training_s: float
    trajectories: int
    guessed: int
    measured: int
    gpus: int
    anew: int = 0

    @property
    def gpu_hours(self) -> float:
        """Hours of GPU time; 0 for workers without a GPU."""
        return self.training_s / 3600 * self.gpus

    def in_words(self, workers: int) -> str:
        """Return the prediction as a line for people."""
        gpus = f", {self.gpu_hours:.2g} GPU-hours" if self.gpus else ""
        alone, together = clock(self.training_s), clock(self.training_s / max(workers, 1))
        said = f"predicted training time {alone} in all{gpus}, {together} with {workers} worker(s) ({self._basis()})"
        anew = f"; {self.anew} trajectories are trained from their start, as their checkpoints were not kept"
        return said + (anew if self.anew else "")

    def _basis(self) -> str:
        if self.guessed == self.trajectories:
            return f"a guess: {GUESSED_EPOCH_S:g} s per epoch"
        guess = f", a guess of {GUESSED_EPOCH_S:g} s per epoch for {self.guessed} trajectories" if self.guessed else ""
        return f"measured on {self.measured} runs{guess}"


def predict_training(sweep: Sweep, left: Sequence[Trajectory], done: Collection[str], store: Store) -> Prediction:
    """Predict the training of the trajectories `left` from the median seconds per epoch of finished runs of the job.

    `done` are the ids of the sweep's runs that are done. Runs that agree in everything except seed and epochs are used
    if there are any; otherwise those that agree in everything that is not a number (data set, optimizer ...). If
    there are none of these either, the time is guessed.
    """
    measured: dict[str, list[float]] = defaultdict(list)
    runs = list(_finished(sweep.job.reference, store)) if left else []
    for result in runs:
        for key in _likeness(result.params):
            measured[key].append(result.facts["time_s"] / _work(result.epoch))
    total_s, guessed, anew = 0.0, 0, 0
    for trajectory in left:
        keys = _likeness(trajectory.params) if measured else ()
        known = next((measured[key] for key in keys if key in measured), None)
        guessed += known is None
        finished = _finished_epochs(trajectory, done)
        longest = max(_work(epochs_of(run.params)) for run in trajectory.runs)
        if finished and not has_checkpoint(store.folder(trajectory.id), longest):
            finished, anew = 0, anew + 1
        total_s += (longest - finished) * (median(known) if known else GUESSED_EPOCH_S)
    return Prediction(total_s, len(left), guessed, len(runs), sweep.profile.gpus or 0, anew)


def _likeness(params: Mapping[str, Any]) -> tuple[str, str]:
    """Return two keys: that of all parameters except the epochs, and that of those that are not numbers."""
    same = {name: value for name, value in params.items() if name != EPOCHS}
    alike = {name: value for name, value in same.items() if isinstance(value, bool | str)}
    return canonical_json(same), "alike " + canonical_json(alike)


def clock(time_s: float) -> str:
    """Return seconds as H:MM:SS."""
    whole = round(time_s)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _finished(job: str, store: Store) -> Iterator[Result]:
    ids = store.result_ids()
    for trajectory_id, run_id in ids[:: max(1, len(ids) // MOST_READ)]:
        try:
            result = read_result(store.folder(trajectory_id), run_id, with_arrays=False)
        except (StoreError, OSError):
            continue
        if result.job == job and result.outcome == RunState.DONE and "time_s" in result.facts:
            yield result


def _finished_epochs(trajectory: Trajectory, done: Collection[str]) -> int:
    return max((_work(epochs_of(run.params)) for run in trajectory.runs if run.id in done), default=0)


def _work(epochs: int | None) -> int:
    return max(epochs or 1, 1)
