"""Stopping a sweep whose job cannot begin: the fault is not that of its runs, so the others are not even tried.

The workers of a submission agree through a file in its folder, which the first to notice writes. Nobody notices it
while a run of the submission makes progress: then the fault is that of one machine, or of some runs.
"""

from __future__ import annotations

from contextlib import suppress

from hpcsweep.store import Failure, Store
from hpcsweep.store.halts import Halt, halt
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, ManifestTrajectory
from hpcsweep.store.results import read_failure

FEW = 3  # first runs that fail alike, before anything was logged: one or two may be the fault of their parameters


class FailFast:
    """What one process of a worker knows of the beginning of its submission."""

    def __init__(self, store: Store, manifest: Manifest, submission: SubmissionFolder) -> None:
        self._store, self._manifest, self._submission = store, manifest, submission
        self._all_fail = True

    @property
    def halted(self) -> bool:
        """Whether no other trajectory is to be begun."""
        with suppress(OSError):  # a file server that is gone is told by what is written there
            return self._submission.halted.exists()
        return False

    def job_cannot_begin(self, message: str) -> None:
        """Say that the job's file cannot be imported, or lacks the function: no run has failed."""
        if not any(map(self._has_progress, self._manifest.trajectories)):
            halt(self._submission, Halt(message, 0))

    def succeeded(self) -> None:
        """Take note that a run has come to a good end."""
        self._all_fail = False

    def ended(self, trajectory: ManifestTrajectory) -> None:
        """Look at how a turn at a trajectory has ended: do the first runs all fail alike?"""
        if not self._all_fail:
            return
        failure = self._failure(trajectory)
        if failure is None or failure.logged:
            self._all_fail = False
            return
        others = [found for one in self._manifest.trajectories if (found := self._failure(one)) is not None]
        alike = [one for one in others if one.message == failure.message and not one.logged]
        self._all_fail = len(alike) == len(others) and not any(map(self._has_progress, self._manifest.trajectories))
        if self._all_fail and len(alike) >= FEW and len(alike) < len(self._manifest.trajectories):
            halt(self._submission, Halt(failure.message, len(alike)))

    def _failure(self, trajectory: ManifestTrajectory) -> Failure | None:
        """Return how a trajectory failed in this submission, None if it did not."""
        seen = self._store.look(trajectory.id)
        failed = seen.failed_generation > trajectory.retry
        return read_failure(seen.folder, seen.failed_generation) if failed else None

    def _has_progress(self, trajectory: ManifestTrajectory) -> bool:
        seen = self._store.look(trajectory.id)
        at_work = seen.alive and "epoch" in (self._store.progress(trajectory.id) or {})
        return at_work or any(run.id in seen.done for run in trajectory.runs)
