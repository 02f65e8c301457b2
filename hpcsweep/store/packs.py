"""Packs: the small files of many finished trajectories in one file, as git packs loose objects.

A pack is a zip file without compression, named by the SHA-256 of its bytes. Its members are what lay under
`trajectories/`, with the names that they had there, those of one trajectory side by side. It is written once and never
changed, and `unzip` in the store's folder makes it loose again. What is packed counts, whatever lies beside it loose.

The index beside a pack is made from it, and named by the SHA-256 of both. It says where each trajectory lies, and
of each run what a list of states shows, so that no result is opened for that. An index that is missing or damaged is
replaced, in memory, by reading the pack.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import weakref
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json, numbers_of, plain, sha256_hex
from hpcsweep.store.layout import ARRAYS, INDEX, PACK, PACK_NAME, RESULT, TRAJECTORY, Layout, folder_in_store, listed
from hpcsweep.store.made_by import Made, made_by_generation
from hpcsweep.store.reader import open_safely, parse_record, read_bytes

FORMAT = 1  # of an index; a pack itself is a zip file
MOST_INDEX_BYTES = 1 << 30
TRIES = 5  # to read packs that others replace by larger ones meanwhile
_LOCAL = struct.Struct("<4s5H3I2H")  # the header before a member: PKWARE APPNOTE 6.3.10, section 4.3.7
_BEGIN = b"PK\x03\x04"
_GONE = (errno.ENOENT, errno.ESTALE)


class PackedRun(NamedTuple):
    """What an index says of a finished run. `metrics` is a JSON text; `code` and `data` begin digests, if known."""

    trajectory: str
    outcome: str
    epoch: int | None
    metrics: str
    began_where: str | None
    code: str | None
    data: str | None
    stamp: str

    @property
    def made(self) -> Made | None:
        """By which code and data it was made, None if that is not known."""
        return None if self.code is None or self.data is None else Made(self.code, self.data)


Tables = tuple["dict[str, tuple[int, int]]", "dict[str, PackedRun]"]
"""Where each trajectory lies in a pack, and its runs."""


class Headline(NamedTuple):
    """What a list of states shows of a finished run; `began_where` is the run with whose last weights it began."""

    epoch: int | None
    metrics: Mapping[str, float]
    began_where: str | None


class Member(NamedTuple):
    """A file in a pack: its content is at these bytes of its trajectory's part, with this CRC-32."""

    start: int
    end: int
    crc: int


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
        self._last: tuple[str, dict[str, Content]] = "", {}

    def refreshed(self) -> Packs:
        """Return these packs after a look at which there are now; StoreError if one is damaged beyond its index."""
        for _ in range(TRIES):
            found = self._names()
            if found.keys() == self._packs.keys():
                break
            try:
                opened = {
                    digest: self._packs.get(digest) or open_pack(self.layout.pack(digest), indexes)
                    for digest, indexes in found.items()
                }
            except FileNotFoundError:
                continue  # it was replaced by a larger one in between
            self._packs, self._last = opened, ("", {})
            vars(self).pop("runs", None)
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

    def _names(self) -> dict[str, list[Path]]:
        """Return {digest of a pack: its indexes} of all packs that there are now."""
        names = listed(self.layout.packs)
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
                self._packs = {}
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


def members(data: bytes, path: Path) -> Iterator[tuple[str, Member]]:
    """Yield the members whose headers and contents `data` consists of; StoreError if it is cut or of another kind."""
    at = 0
    while at < len(data):
        if data[at : at + 4] != _BEGIN:
            return
        try:
            _, _, flags, method, _, _, crc, packed, size, name_length, extra = _LOCAL.unpack_from(data, at)
            begin = at + _LOCAL.size + name_length + extra
            name = data[at + _LOCAL.size : at + _LOCAL.size + name_length].decode("ascii")
        except (struct.error, UnicodeDecodeError) as error:
            raise damaged(path, str(error)) from error
        if flags or method or packed != size or begin + size > len(data):
            raise damaged(path, "a member that is cut or compressed")
        yield name, Member(begin, begin + size, crc)
        at = begin + size


def damaged(path: Path, why: str) -> StoreError:
    """Return the error for a pack that is not as it was written."""
    return StoreError(
        f"{path}: damaged: {why}; restore the file from a backup, or remove it: its runs are then trained again"
    )


def index_of(data: bytes, path: Path) -> dict[str, Any]:
    """Return the index of the pack that `data` is, to lie at `path`; StoreError if it is not what its name says."""
    digest = sha256_hex(data)
    if path.name != PACK_NAME.format(digest):
        raise damaged(path, "its SHA-256 does not match its name")
    places: dict[str, list[int]] = {}
    files: dict[str, dict[str, Member]] = {}
    at = 0
    for name, member in members(data, path):
        folder, _, own = name.rpartition("/")
        trajectory_id = folder.rpartition("/")[2]
        places.setdefault(trajectory_id, [at, at])[1] = at = member.end
        files.setdefault(trajectory_id, {})[own] = member
    runs = {
        match[1]: _packed_run(trajectory_id, match[1], found, data[found[name].start : found[name].end], path)
        for trajectory_id, found in files.items()
        for name in found
        if (match := RESULT.fullmatch(name))
    }
    columns = zip(*runs.values()) if runs else ([] for _ in PackedRun._fields)
    return {
        "format": FORMAT,
        "pack": digest,
        "trajectories": list(places),
        "starts": [start for start, _ in places.values()],
        "ends": [end for _, end in places.values()],
        "runs": {"id": list(runs), **{name: list(column) for name, column in zip(PackedRun._fields, columns)}},
    }


def index_bytes(index: Mapping[str, Any]) -> bytes:
    """Return an index as it is written."""
    return canonical_json(index).encode()


def _packed_run(trajectory_id: str, run_id: str, names: Mapping[str, Any], data: bytes, path: Path) -> PackedRun:
    record = parse_record(data, path)
    if not all(isinstance(record.get(name), dict) for name in ("metrics", "facts")):
        raise damaged(path, f"run {run_id} has no result in it")
    generations = {int(match[2]) for name in names if (match := ARRAYS.fullmatch(name)) and match[1] == run_id}
    made = made_by_generation(names).get(generations.pop() if len(generations) == 1 else 0)
    return PackedRun(
        trajectory_id,
        str(record.get("outcome")),
        record.get("epoch"),
        canonical_json(plain(record["metrics"])),
        record["facts"].get("began_where"),
        made.code if made else None,
        made.data if made else None,
        sha256_hex(data)[:32],
    )


def open_pack(path: Path, indexes: Collection[Path]) -> Pack:
    """Open the pack in a file, with the first of its `indexes` that is intact, or else with one made anew."""
    tables = _tables_of(path, indexes)
    descriptor = open_safely(path)
    return Pack(path, tuple(indexes), os.fstat(descriptor).st_size, descriptor, *tables)


def _tables_of(path: Path, indexes: Collection[Path]) -> Tables:
    for index in indexes:
        with suppress(OSError, ValueError, LookupError):
            return _tables(_read_index(index))
    try:
        return _tables(index_of(read_bytes(path), path))
    except ValueError as error:
        raise damaged(path, str(error)) from error


def _read_index(path: Path) -> dict[str, Any]:
    """Return what is in the file of an index; ValueError if it is not what its name says."""
    data, match = read_bytes(path, MOST_INDEX_BYTES), INDEX.fullmatch(path.name)
    try:
        index = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if match is None or match[2] != sha256_hex(data) or index["format"] != FORMAT or index["pack"] != match[1]:
        raise ValueError("not the index that its name says")
    return dict(index)


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("trajectory", "outcome", "metrics", "stamp"), (str,)),
    **dict.fromkeys(("began_where", "code", "data"), (str, type(None))),
    "epoch": (int, type(None)),
}


def _tables(index: Mapping[str, Any]) -> Tables:
    """Return where each trajectory lies, and the runs; ValueError if the index lacks columns."""
    try:
        ids, runs = index["trajectories"], index["runs"]
        columns = [runs[name] for name in PackedRun._fields]
        lengths = {len(column) for column in (runs["id"], *columns)} | {len(runs["id"])}
        kinds = all(set(map(type, runs[name])) <= set(allowed) for name, allowed in _KINDS.items())
        numbers = set(map(type, (*index["starts"], *index["ends"]))) <= {int}
        named = all(map(TRAJECTORY.fullmatch, (*ids, *runs["id"], *runs["trajectory"])))
        if not (kinds and numbers and named and len(lengths) == 1):
            raise ValueError("a column of other values")
        places = dict(zip(ids, zip(index["starts"], index["ends"])))
        return places, dict(zip(runs["id"], map(PackedRun._make, zip(*columns))))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no columns: {error}") from error
