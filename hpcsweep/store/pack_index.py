"""The index of a pack: where each trajectory lies in it, and of each run what a list of states shows.

It lies beside the pack, is made from it, and is named by the SHA-256 of both. So no result is opened to list states. An
index that is missing or damaged is replaced, in memory, by reading the pack.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json, plain, sha256_hex
from hpcsweep.store.layout import INDEX, PACK_NAME
from hpcsweep.store.made_by import Made, made_by_generation
from hpcsweep.store.reader import parse_record, read_bytes
from hpcsweep.store.trajectory_folder import ARRAYS, RESULT, TRAJECTORY

FORMAT = 1  # of an index; a pack itself is a zip file
MOST_INDEX_BYTES = 1 << 30
_LOCAL = struct.Struct("<4s5H3I2H")  # the header before a member: PKWARE APPNOTE 6.3.10, section 4.3.7
_BEGIN = b"PK\x03\x04"


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


class Member(NamedTuple):
    """A file in a pack: its content is at these bytes of its trajectory's part, with this CRC-32."""

    start: int
    end: int
    crc: int


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


def tables_of(path: Path, indexes: Collection[Path]) -> Tables:
    """Return what the first intact one of `indexes` says of the pack at `path`, or else the pack itself."""
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
