"""What a store's folders need to know of packs: what is packed counts, whatever lies beside it loose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from hpcsweep.errors import StoreError


class Packed(Protocol):
    """What is packed of a store's trajectories; it counts, whatever lies beside it loose."""

    def refreshed(self) -> Packed:
        """Return what is packed now."""

    def version(self) -> frozenset[str]:
        """Return what changes whenever something is packed, or taken out."""

    def ids(self) -> set[str]:
        """Return the ids of all trajectories of which something is packed."""

    def names(self, trajectory_id: str) -> list[str]:
        """Return the names of a trajectory's packed files."""

    def read(self, trajectory_id: str, name: str) -> bytes | None:
        """Return a packed file, None if there is none of this name."""

    def files(self, trajectory_id: str) -> dict[str, bytes]:
        """Return all packed files of a trajectory by their names, as they are, damaged or not."""


class NothingPacked:
    """What is packed where nothing is."""

    def refreshed(self) -> Packed:
        return self

    def version(self) -> frozenset[str]:
        return frozenset()

    def ids(self) -> set[str]:
        return set()

    def names(self, trajectory_id: str) -> list[str]:
        return []

    def read(self, trajectory_id: str, name: str) -> bytes | None:
        return None

    def files(self, trajectory_id: str) -> dict[str, bytes]:
        return {}


NOTHING_PACKED = NothingPacked()
_TRIES = 100
_T = TypeVar("_T")


def steadily(packed: Packed, look: Callable[[], _T]) -> _T:
    """Return what `look` finds loose, while nothing was packed or taken out: so it is there or in `packed`.

    StoreError if packs change all the time.
    """
    for _ in range(_TRIES):
        before = packed.version()  # as last seen: if it is still so afterwards, it was so all the time
        found = look()
        if packed.refreshed().version() == before:
            return found
    raise StoreError("packs of the store are made and undone all the time; try it again when that has ended")
