"""How much a worker may expect to train, so that it knows what is worth compiling."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from hpcsweep.store.manifest import Manifest, ManifestTrajectory


class EpochsAhead:
    """How many epochs a worker may expect to train with one program."""

    def __init__(self, manifest: Manifest, workers: int) -> None:
        self._manifest, self._workers = manifest, max(workers, 1)

    def of(self, trajectory: ManifestTrajectory) -> int:
        """Return the epochs of `trajectory`, or of this worker's share of all that are alike, whichever is more."""
        shared = 0 if self._manifest.settings.isolated else self._by_shape[trajectory.shape]
        return max(trajectory.longest_epochs, -(-shared // self._workers))

    @cached_property
    def _by_shape(self) -> Counter[str]:
        epochs = Counter[str]()
        for trajectory in self._manifest.trajectories:
            epochs[trajectory.shape] += trajectory.longest_epochs
        return epochs
