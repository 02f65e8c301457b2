"""Packs: the small files of many finished trajectories in one file, as git packs loose objects.

A pack is a zip file without compression, named by the SHA-256 of its bytes. Its members are what lay under
`trajectories/`, with the names that they had there, those of one trajectory side by side. It is written once and never
changed, and `unzip` in the store's folder makes it loose again. What is packed counts, whatever lies beside it loose.
"""

from __future__ import annotations

import errno
import json
import os
import weakref
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from hpcsweep.errors import StoreError
from hpcsweep.files import numbers_of
from hpcsweep.store.layout import INDEX, PACK, Layout
from hpcsweep.store.pack_index import PackedRun, damaged, members, tables_of
from hpcsweep.store.reader import open_safely
from hpcsweep.store.trajectory_folder import folder_in_store, listed

TRIES = 5  # to read packs that others replace by larger ones meanwhile
_GONE = (errno.ENOENT, errno.ESTALE)


class Headline(NamedTuple):
    """What a list of states shows of a finished run; `began_where` is the run with whose last weights it began."""

    epoch: int | None
    metrics: Mapping[str, float]
    began_where: str | None


class Content(NamedTuple):
    """What is in a file of a pack, and the CRC-32 that it had."""

    data: bytes
    crc: int
    pack: Path

    def intact(self) -> bytes:
        """Return the data; StoreError if they are not as they were packed."""
        if zlib.crc32(self.data) != self.crc:
            raise damaged(self.pack, "a file in it is not as it was packed")
        return self.data


@dataclass(frozen=True, eq=False)
class Pack:
    """A pack that is open, so that it can be read to the end although another process may replace it."""

    path: Path
    indexes: tuple[Path, ...]
    size: int
    descriptor: int
    places: dict[str, tuple[int, int]]
    runs: dict[str, PackedRun]

    def __post_init__(self) -> None:
        """Close the file when nobody refers to the pack any more."""
        weakref.finalize(self, os.close, self.descriptor)

    def part(self, trajectory_id: str) -> bytes:
        """Return the bytes of a trajectory's members, one after the other."""
        start, end = self.places[trajectory_id]
        part = os.pread(self.descriptor, end - start, start)
        if len(part) != end - start:
            raise damaged(self.path, "it is cut")
        return part


class Packs:
    """The packs of a store: looked for again when something is not found, since they come and go."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._packs: dict[str, Pack] = {}
        self._looked = False
        self._listing: list[str] = []
        self._last: tuple[str, dict[str, Content]] = "", {}

    def refreshed(self) -> Packs:
        """Return these packs after a look at which there are now; StoreError if one is damaged beyond its index."""
        for _ in range(TRIES):
            names = listed(self.layout.packs)
            if names == self._listing:
                break
            found = self._found(names)
            try:
                opened = {
                    digest: self._packs.get(digest) or open_pack(self.layout.pack(digest), indexes)
                    for digest, indexes in found.items()
                }
            except FileNotFoundError:
                continue  # it was replaced by a larger one in between
            if opened.keys() != self._packs.keys():
                self._packs, self._last = opened, ("", {})
                vars(self).pop("runs", None)
            self._listing = names
            break
        self._looked = True
        return self

    def version(self) -> frozenset[str]:
        """Return the digests of the packs, as last seen."""
        return frozenset(self._seen())

    def all(self) -> list[Pack]:
        """Return the packs, as last seen."""
        return list(self._seen().values())

    def ids(self) -> set[str]:
        """Return the ids of all trajectories of which something is packed."""
        return {trajectory_id for pack in self._seen().values() for trajectory_id in pack.places}

    @cached_property
    def runs(self) -> dict[str, PackedRun]:
        """What the indexes say of all packed runs, by their ids."""
        return {run_id: run for pack in self._seen().values() for run_id, run in pack.runs.items()}

    def headline(self, run_id: str) -> Headline:
        """Return what a list of states shows of a packed run."""
        run = self.runs[run_id]
        return Headline(run.epoch, numbers_of(json.loads(run.metrics)), run.began_where)

    def names(self, trajectory_id: str) -> list[str]:
        """Return the names of a trajectory's packed files."""
        return list(self._contents(trajectory_id))

    def read(self, trajectory_id: str, name: str) -> bytes | None:
        """Return a packed file, None if there is none of this name; StoreError if it is damaged."""
        content = self._contents(trajectory_id).get(name)
        if content is None:
            return None
        return content.intact()

    def files(self, trajectory_id: str) -> dict[str, bytes]:
        """Return all packed files of a trajectory by their names, as they are, damaged or not."""
        self._seen()
        return {name: content.data for name, content in self._read(trajectory_id, cut_too=True).items()}

    def _seen(self) -> dict[str, Pack]:
        return self._packs if self._looked else self.refreshed()._packs

    def _found(self, names: list[str]) -> dict[str, list[Path]]:
        """Return {digest of a pack: its indexes} of all packs among the names in their folder."""
        found: dict[str, list[Path]] = {match[1]: [] for name in names if (match := PACK.fullmatch(name))}
        for name in names:
            if (match := INDEX.fullmatch(name)) and match[1] in found:
                found[match[1]].append(self.layout.packs / name)
        return found

    def _contents(self, trajectory_id: str) -> dict[str, Content]:
        self._seen()
        last = self._last  # another thread may replace it at any time
        if last[0] != trajectory_id:
            self._last = last = trajectory_id, self._read(trajectory_id)
        return last[1]

    def _read(self, trajectory_id: str, *, cut_too: bool = False) -> dict[str, Content]:
        for _ in range(TRIES):
            try:
                contents: dict[str, Content] = {}
                for pack in self._packs.values():
                    if trajectory_id in pack.places:
                        contents = {**contents_of(pack, trajectory_id, cut_too=cut_too), **contents}
                return contents
            except OSError as error:
                if error.errno not in _GONE:
                    raise
                self._packs, self._listing = {}, []
                self.refreshed()
        raise StoreError(f"{self.layout.packs}: its packs are replaced faster than they can be read; try it again")


def contents_of(pack: Pack, trajectory_id: str, *, cut_too: bool = False) -> dict[str, Content]:
    """Return what a pack holds of a trajectory, by the names of its files.

    StoreError if it is not even files; with `cut_too`, those before the damage are returned.
    """
    contents: dict[str, Content] = {}
    try:
        part = pack.part(trajectory_id)
        for name, member in members(part, pack.path):
            folder, _, own = name.rpartition("/")
            if folder != folder_in_store(trajectory_id):
                raise damaged(pack.path, f"trajectory {trajectory_id} is not where its index says")
            contents[own] = Content(part[member.start : member.end], member.crc, pack.path)
    except StoreError:
        if not cut_too:
            raise
    return contents


def open_pack(path: Path, indexes: Collection[Path]) -> Pack:
    """Open the pack in a file, with the first of its `indexes` that is intact, or else with one made anew."""
    tables = tables_of(path, indexes)
    descriptor = open_safely(path)
    return Pack(path, tuple(indexes), os.fstat(descriptor).st_size, descriptor, *tables)
