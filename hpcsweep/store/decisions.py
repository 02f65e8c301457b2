"""What is decided once for all runs of a store, such as an engine or who goes on from a rung: a file each.

Whoever asks first decides, and all others follow. A decision is never changed, and carries the hash of what it says:
with another number in it, other runs would be trained and other settings called the best.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError, shell
from hpcsweep.files import canonical_json, publish, sha256_hex
from hpcsweep.store.layout import Layout
from hpcsweep.store.reader import read_record

FORMAT = 1
MADE_FROM = "made_from"  # what a decision calls the ids of the trajectories on whose results it rests


def read_decision(layout: Layout, key: str) -> dict[str, Any] | None:
    """Return the decision for `key`, None if it was not made; StoreError if it is damaged."""
    path = _path(layout, key)
    try:
        said, decision = _read(path)
    except FileNotFoundError:
        return None
    if said != key:
        raise _damaged(path, "found the decision of another question")
    return decision


def write_decision(layout: Layout, key: str, decision: dict[str, Any]) -> None:
    """Keep a decision, unless there is one for `key` already."""
    path = _path(layout, key)
    path.parent.mkdir(exist_ok=True)
    record = json.loads(canonical_json({"format": FORMAT, "key": key, "decision": decision}))  # as it will be read
    record["sha256"] = sha256_hex(canonical_json(record).encode())
    publish(path, canonical_json(record).encode())


def grounds(layout: Layout) -> Iterator[tuple[str, Path, str | list[str]]]:
    """Yield the key and path of each decision, with what it was MADE_FROM: ids, or the key of another decision."""
    for path in layout.decisions():
        with suppress(StoreError):  # one that is damaged or newer is told of where it is asked for
            key, decision = _read(path)
            ids = decision.get(MADE_FROM)
            yield key, path, ids if isinstance(ids, str) else [*map(str, ids)] if isinstance(ids, list) else []


def damaged_decision(layout: Layout, key: str, found: str) -> StoreError:
    """Return the error for a decision that says what nobody can have decided."""
    return _damaged(_path(layout, key), found)


def _path(layout: Layout, key: str) -> Path:
    return layout.decision(sha256_hex(key.encode()))


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        record = read_record(path, FORMAT)
        said = record.pop("sha256", None)  # that earlier releases did not write
        if said is not None and said != sha256_hex(canonical_json(record).encode()):
            raise _damaged(path, "its SHA-256 does not match")
    except ValueError as error:  # numbers that JSON has none for
        raise _damaged(path, str(error)) from error
    if not isinstance(record.get("key"), str) or not isinstance(record.get("decision"), dict):
        raise _damaged(path, "found no decision")
    return record["key"], record["decision"]


def _damaged(path: Path, found: str) -> StoreError:
    return StoreError(f"{path}: damaged: {found}; delete it, and it is decided anew: {shell('rm', path)}")
