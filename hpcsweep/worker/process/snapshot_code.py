"""What every job's code is to a worker: the files of its snapshot, and what it says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

from hpcsweep.code.version import CodeVersion, version_of
from hpcsweep.store import Store
from hpcsweep.store.manifest import Manifest
from hpcsweep.store.snapshots import read_snapshot

Job = Callable[..., Any]


class SnapshotCode(ABC):
    """The code of a manifest's job, read and checked.

    `draws` are the random generators that were drawn from while it was imported, `used_at_import` the data it used
    then. `after_import` is called when the job is ready for its first run.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        """Read the files; StoreError if the snapshot is not what was kept."""
        self.snapshot, self.study = manifest.snapshot, manifest.root
        self.files = self.read(store)
        self.draws: list[str] = []
        self.used_at_import: dict[str, Any] = {}
        self.after_import: Callable[[], None] = lambda: None

    def read(self, store: Store) -> dict[str, bytes]:
        """Return the content of the files by their paths from the study's folder."""
        return read_snapshot(store.layout, self.snapshot) if self.snapshot else {}

    @cached_property
    def uses_keras(self) -> bool:
        """Whether Keras must be set up before the code and seeded before each call."""
        return False

    @abstractmethod
    def warm_up(self) -> None:
        """Start what takes long, before anything is claimed; an error is left to the runs."""

    @property
    @abstractmethod
    def function(self) -> Job:
        """What is called for each run."""

    @cached_property
    def snapshot_version(self) -> CodeVersion:
        """What the snapshot's files mean."""
        return version_of(self.files)

    def version(self) -> CodeVersion:
        """Return what the code that has been used means."""
        return self.snapshot_version

    def from_study(self) -> list[str]:
        """Return what came from the study's folder, since the snapshot lacks it."""
        return []
