"""Packing a store on request, and unpacking it."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsweep.errors import NothingSelectedError
from hpcsweep.launch.html import page
from hpcsweep.store import Store
from hpcsweep.store.opening import StoreSource, open_store
from hpcsweep.store.packing import pack_all, take_out
from hpcsweep.store.sharing import obey_sharing


@dataclass(frozen=True)
class Packed:
    """How many trajectories were packed, of how many files; or how many were taken out of packs."""

    store: Store
    trajectories: int = 0
    files: int = 0
    taken_out: int | None = None

    def in_words(self) -> str:
        """Return a line for people."""
        packs = len(self.store.packs.refreshed().all())
        if self.taken_out is not None:
            done = f"{self.taken_out} trajectories have folders of their own again"
        else:
            done = f"{self.trajectories} trajectories, {self.files} files, were packed"
        return f"{self.store.root}: {done}; {packs} packs"

    def _repr_html_(self) -> str:
        return page(self.in_words(), "", [])


def pack(store: StoreSource = None, *, undo: bool = False) -> Packed:
    """Pack all finished trajectories of a store, or take all out of its packs again (`undo`).

    `store` is a store or its folder; without it, the environment or the working folder decides. Raises
    NothingSelectedError if there is no store, StoreError if it cannot be written, or if somebody else packs it now.
    """
    opened = open_store(store).probing()
    if not opened.layout.format.exists():
        raise NothingSelectedError(f"{opened.root}: holds no store; expected one to pack")
    obey_sharing(opened.root)
    if undo:
        return Packed(opened, taken_out=take_out(opened, opened.packs.refreshed().ids()))
    done = pack_all(opened)
    return Packed(opened, done.trajectories, done.files)
