"""What a submission lets its workers train now: all that it names, or what [halving] and [suggest] have decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from hpcsweep.halving.orders import admitted, ladder_of
from hpcsweep.store import Store
from hpcsweep.store.manifest import Manifest, ManifestTrajectory
from hpcsweep.suggest.rounds import Decider
from hpcsweep.sweep.search import Search


class Orders(Protocol):
    """What there is to train of a submission, as far as it is decided."""

    def now(self, *, decide: bool = False) -> Manifest:
        """Return it; with `decide`, after what can be decided is.

        Raises JobError or MissingPackageError, one line, if that cannot be.
        """


class AllAtOnce:
    """A submission in which nothing is to be decided."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def now(self, *, decide: bool = False) -> Manifest:
        """Return all that it names."""
        return self._manifest


class RungByRung:
    """A submission with [halving]."""

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self._manifest, self._ladder = manifest, ladder_of(store, manifest)

    def now(self, *, decide: bool = False) -> Manifest:
        """Return the runs up to the rung to which each setting may go."""
        return self._manifest if self._ladder is None else admitted(self._manifest, self._ladder.look(decide=decide))


class RoundByRound:
    """A submission with [suggest]."""

    def __init__(self, store: Store, manifest: Manifest, search: Search) -> None:
        self._manifest = manifest
        self._decider = Decider(store, search, manifest.settings.halving)

    def now(self, *, decide: bool = False) -> Manifest:
        """Return the runs of all rounds that are decided, also of those that came after the submission."""
        retries = {one.id: one.retry for one in self._manifest.trajectories}
        some = self._decider.admitted(decide=decide)
        return replace(
            self._manifest, trajectories=tuple(ManifestTrajectory.of(one, retries.get(one.id, 0)) for one in some)
        )


def orders_of(store: Store, manifest: Manifest) -> Orders:
    """Return what a submission lets its workers train."""
    if manifest.settings.suggest:
        return RoundByRound(store, manifest, Search.of(manifest.settings.suggest))
    return RungByRung(store, manifest) if manifest.settings.halving else AllAtOnce(manifest)
