"""`run`: what a job function is given to know its run, log metrics, keep checkpoints and stop in time."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcsweep.errors import UsageError
from hpcsweep.machine import peak_memory_gb
from hpcsweep.store import Store
from hpcsweep.store.checkpoints import read_newest_checkpoint, write_checkpoint
from hpcsweep.store.claims import Claim
from hpcsweep.store.manifest import ManifestRun, ManifestTrajectory, WorkerSettings
from hpcsweep.sweep.runs import epochs_of
from hpcsweep.worker.crew import Crew
from hpcsweep.worker.faults import patiently
from hpcsweep.worker.process.generators import generator_states, set_generator_states
from hpcsweep.worker.run.folder import begin_with
from hpcsweep.worker.run.heartbeat import Heartbeat
from hpcsweep.worker.run.history import History
from hpcsweep.worker.run.loop import Loop
from hpcsweep.worker.run.made_by import MadeBy
from hpcsweep.worker.run.state_files import UnpackedStates, state_of_files
from hpcsweep.worker.run.told import Told
from hpcsweep.worker.run.wished import Wished
from hpcsweep.worker.stop_request import Stop

if TYPE_CHECKING:
    from hpcsweep.training.run_protocol import RunHandle as TrainingRun

CHECKPOINT_EVERY_S = 5.0  # at most this often
CHECKPOINT_COST = 0.005  # of the time between two checkpoints: well below one per cent


class ClaimLostError(BaseException):
    """Another worker trains this trajectory now. Not an Exception, so that a job's own `except` lets it through."""


class RunHandle(Told, Wished, Loop):
    """One call of a job function: one run, of which earlier attempts may have left a checkpoint."""

    def __init__(
        self,
        store: Store,
        trajectory: ManifestTrajectory,
        run: ManifestRun,
        claim: Claim,
        heartbeat: Heartbeat,
        stop: Stop,
        settings: WorkerSettings,
        epochs_ahead: Callable[[ManifestTrajectory], int],
        study: Path,
        made_by: MadeBy,
        crew: Crew | None = None,
    ) -> None:
        self.id = run.id
        self.study = study
        self.folder = claim.folder.files(run.id, claim.generation)
        self.crew = crew
        self.made_by = made_by
        self.trajectory = trajectory.id
        self._shares_epochs = "epochs" not in trajectory.params
        self.seed = trajectory.seed
        self.params: Mapping[str, Any] = dict(run.params)
        self._store, self._claim, self._heartbeat, self._stop = store, claim, heartbeat, stop
        self._settings = settings
        self._epochs_ahead = partial(epochs_ahead, trajectory)
        self._history = History()
        self._facts, self._arrays = {}, {}
        self._elapsed_before_s = 0.0
        self._began = self._checkpointed = time.monotonic()
        self._began_at = self._logged_at = time.time()
        self._checkpoint_cost_s = 0.0
        self._unpacked = UnpackedStates()
        self.observed_stop = False
        self.restored = False
        self.first_kept_s: float | None = None
        self._opened = time.monotonic()
        self._process = os.getpid()

    # -- what the job asks ------------------------------------------------------------------------------------------

    @property
    def remaining_s(self) -> float:
        """Seconds until this worker's wall time ends; infinite if there is no limit."""
        return self._stop.remaining_s

    @property
    def should_stop(self) -> bool:
        """Whether to checkpoint and return now. Returning after seeing True is a pause, not an end."""
        asked = self._stop.requested or self._heartbeat.lost or self._heartbeat.cancelled
        self.observed_stop = self.observed_stop or asked
        return asked

    @property
    def checkpoint_due(self) -> bool:
        """Whether enough time has passed that another checkpoint costs less than one per cent."""
        since = time.monotonic() - self._checkpointed
        return since >= max(self._checkpoint_cost_s / CHECKPOINT_COST, CHECKPOINT_EVERY_S)

    @property
    def diverged(self) -> bool:
        """Whether a loss that was logged is NaN or infinite."""
        return self._history.diverged

    @property
    def history(self) -> dict[str, list[float]]:
        """What was logged so far: one list per metric, as long as `history["epoch"]`. They grow; copy to change."""
        return self._history.as_lists()

    @property
    def last_epoch(self) -> int:
        """The last epoch that was logged, -1 if there is none."""
        return self._history.last_epoch

    @property
    def expected_epochs(self) -> int:
        """The epochs of such runs that this worker may expect to train, as far as this submission knows."""
        return self._epochs_ahead()

    def decide(self, key: str, propose: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was decided for `key`, once for all runs of the store; whoever asks first decides."""
        return patiently(self._store.root, lambda: self._store.decide(key, propose))

    # -- what the job tells -----------------------------------------------------------------------------------------

    def log(self, epoch: int, **metrics: float) -> None:
        """Add one epoch to the history; `seconds` is measured unless it is given.

        Raises UsageError if the epoch is not later than the last one, or a metric is not a number.
        """
        self._require_claim()
        self._history.append(epoch, metrics, time.monotonic())
        self._logged_at = time.time()

    def log_many(self, epochs: Sequence[int], metrics: Mapping[str, Sequence[float]]) -> None:
        """Add several epochs to the history at once: one sequence per metric, as long as `epochs`."""
        self._require_claim()
        self._history.extend(epochs, metrics, time.monotonic())
        self._logged_at = time.time()

    def checkpoint(self, state: Any, *, epoch: int | None = None) -> None:
        """Keep `state`, durable and whole, together with the history; the two newest checkpoints are kept.

        `state` is a nested dict of numbers, strings, lists and NumPy arrays, or a function that is given a new folder
        (pathlib.Path) and writes files into it. If the state lies inside an epoch that is not logged yet, say which
        `epoch`, so that no run that ends before it is given this state.
        """
        self._require_claim()
        began = time.monotonic()
        if not self._heartbeat.check():
            raise ClaimLostError
        whole = {
            "files": self.folder.name,
            "state": state_of_files(state) if callable(state) else state,
            "history": self._history.columns(),
            "history_marks": self._history.marks,
            "generators": generator_states(),
            "facts": json.dumps(self._facts),
            "elapsed_s": self.elapsed_s,
            "made_by": self.made_by.of_checkpoint(),
        }
        reached = max(self._history.last_epoch, epoch or 0)
        if not self._shares_epochs:  # no shorter run could be given it, so it may lie beyond `epochs`, as in phases
            reached = min(reached, epochs_of(self.params) or reached)
        patiently(self._store.root, lambda: self._keep_checkpoint(reached, whole))
        self._checkpointed = time.monotonic()
        self._checkpoint_cost_s = self._checkpointed - began
        if self.first_kept_s is None:
            self.first_kept_s = self._checkpointed - self._opened

    def _keep_checkpoint(self, reached: int, whole: Mapping[str, Any]) -> None:
        self.made_by.keep()
        write_checkpoint(self._claim.folder, self._claim.generation, reached, whole)

    def restore(self) -> Any:
        """Return the newest intact checkpoint's state, or None; the history goes back to it.

        So do the global random generators of Python, NumPy and PyTorch, and `run.folder` gets the files of the attempt
        that left the checkpoint. A state of files is returned as the folder that holds them. Raises StoreError if other
        code, data or versions of Keras made it, and nobody said that it may go on.
        """
        folder, limit = self._claim.folder, epochs_of(self.params)
        whole, warnings = patiently(self._store.root, lambda: read_newest_checkpoint(folder, limit))
        for warning in warnings:
            print(f"hpcsweep: skipped a damaged checkpoint: {warning}", file=sys.stderr)
        if whole is None:
            return None
        self.made_by.require_same(whole.get("made_by"))
        self.restored = True
        self._history = History.from_columns(whole["history"], whole.get("history_marks"))
        self._facts = {**json.loads(whole["facts"]), **self._facts}
        self._elapsed_before_s = whole["elapsed_s"]
        set_generator_states(whole["generators"])
        if "files" in whole:  # missing in checkpoints of releases whose jobs worked in the study
            begin_with(self.folder, self.folder.with_name(Path(whole["files"]).name))
        self._began, self._began_at = time.monotonic(), time.time()
        return self._unpacked.unpack(whole["state"])

    def generators(self) -> dict[str, Any]:
        """Return the states of the global random generators, as a checkpoint can hold them."""
        return generator_states()

    def set_generators(self, states: dict[str, Any]) -> None:
        """Put the generators back to `states`."""
        set_generator_states(states)

    def restart(self) -> None:
        """Forget the history: the training starts again from a fresh model. Facts and checkpoints stay."""
        self._require_claim()
        self._history = History()

    # -- what the worker asks ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the clock of the run: the time of imports before it counts as the worker's."""
        self._began = self._checkpointed = time.monotonic()
        self._began_at = self._logged_at = time.time()

    def ended(self) -> None:
        """Take note that the job has come to its end, and the result is about to be kept."""

    @property
    def elapsed_s(self) -> float:
        """Seconds of training that this run has had, including earlier attempts up to their checkpoint."""
        return self._elapsed_before_s + time.monotonic() - self._began

    @property
    def open_s(self) -> float:
        """Seconds since this call of the job began."""
        return time.monotonic() - self._opened

    def history_columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the history as arrays: epoch is int64, all others are float64."""
        return self._history.columns()

    def last_metrics(self) -> dict[str, float]:
        """Return the last value of each metric that was logged, with `seconds`."""
        return self._history.last_values()

    def progress(self) -> dict[str, Any]:
        """Return the latest epoch and metrics, for people, and when the run began and last logged, since 1970.

        There is no `epoch` before the first one. It stays the same until there is another, or more memory is used.
        """
        told: dict[str, Any] = {"run": self.id, "epochs": self.params.get("epochs"), "metrics": {}}
        told |= {"began": round(self._began_at - self._elapsed_before_s), "logged": round(self._logged_at)}
        told["memory_gb"] = round(peak_memory_gb(), 2)
        if latest := self.last_metrics():
            told["epoch"] = self._history.last_epoch
            told["metrics"] = {name: value for name, value in latest.items() if math.isfinite(value)}
        return told

    def close(self) -> None:
        """Remove what restore() unpacked."""
        self._unpacked.remove()

    def _require_claim(self) -> None:
        if self._heartbeat.lost:
            raise ClaimLostError
        if os.getpid() != self._process:
            raise UsageError(
                "run was used in a process that the job has forked; expected only the job's own process to log, to "
                "record and to write checkpoints: end the forked one with os._exit(0)"
            )


def _as_training_needs_it(run: RunHandle) -> TrainingRun:
    """Show the type checker that a handle is all that training asks for, without importing Keras in every worker."""
    return run
