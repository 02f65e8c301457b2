"""The one way to open what lies in a store: others may have written it, so it may be anything.

Only regular files are read, never a symbolic link, a pipe or a device; sizes and depths are bounded. What is refused is
damaged (StoreError) or of a later release (NewerFormatError), which need different advice. A file that is not there, or
may not be read, is the OSError that it is anywhere.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpcsweep.errors import NewerFormatError, StoreError

MOST_RECORD_BYTES = 256 << 20
DEEPEST = 200
_SMALL_BYTES = 64 << 20
_MOST_EMPTY = 256  # bytes of a file for each one that the disk holds of it: compressed zeros at best
_BLOCK_BYTES = 512  # the unit of st_blocks


def open_safely(path: Path) -> int:
    """Return a descriptor to read a regular file of bounded emptiness; StoreError if it is anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        if path.is_symlink() or not path.is_file():
            raise _strange(path) from error
        raise
    status = os.fstat(descriptor)
    sparse = status.st_size > max(_SMALL_BYTES, status.st_blocks * _BLOCK_BYTES * _MOST_EMPTY)
    if not stat.S_ISREG(status.st_mode) or sparse:
        os.close(descriptor)
        raise StoreError(f"{path}: damaged: a file of holes") if sparse else _strange(path)
    return descriptor


def read_bytes(path: Path, most_bytes: int | None = None) -> bytes:
    """Return what is in a file of a store; StoreError if it has more than `most_bytes`."""
    with os.fdopen(open_safely(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if most_bytes is not None and size > most_bytes:
            raise StoreError(f"{path}: damaged: {size} bytes, expected at most {most_bytes}")
        try:
            return file.read()
        except MemoryError as error:
            raise StoreError(f"{path}: {size} bytes are more than the memory of this machine") from error


def read_end(path: Path, most_bytes: int) -> bytes:
    """Return the last `most_bytes` of a file of a store."""
    with os.fdopen(open_safely(path), "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most_bytes))
        return file.read(most_bytes)


def read_text(path: Path) -> str:
    """Return the text in a file of a store; what is no UTF-8 is replaced."""
    return read_bytes(path).decode(errors="replace")


def read_record(path: Path, newest_format: int = 1) -> dict[str, Any]:
    """Return the JSON object in a file of a store.

    StoreError if it is none, NewerFormatError if it says a later `format` than `newest_format`.
    """
    record = parse_record(read_bytes(path, MOST_RECORD_BYTES), path)
    require_format(record, newest_format, path)
    return record


def record_bytes(fields: Mapping[str, Any], format: int = 1, **how: Any) -> bytes:
    """Return what `read_record` reads, as a line of JSON that says its format; `how` goes to json.dumps."""
    return (json.dumps({"format": format, **fields}, **how) + "\n").encode()


def parse_record(data: bytes, path: Path) -> dict[str, Any]:
    """Return the JSON object that `data` from a file of a store is; StoreError if it is none, or too deep."""
    record = parse_json(data, path)
    if not isinstance(record, dict):
        raise StoreError(f"{path}: damaged: found no JSON object")
    return record


def parse_json(data: bytes, path: Path) -> Any:
    """Return the value that JSON from a file of a store means; StoreError if it is none, or too deep."""
    try:
        if data.count(b"[") + data.count(b"{") > DEEPEST and depth_of(data) > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} deep")
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: damaged: {error}") from error


def require_format(record: Mapping[str, Any], newest: int, path: Path) -> None:
    """Raise NewerFormatError if a record says that a later release wrote it, StoreError if it says nothing readable."""
    found = record.get("format", newest)
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise StoreError(f"{path}: damaged: found format {found!r}, expected a number up to {newest}")
    if found > newest:
        raise NewerFormatError(
            f"{path}: of format {found}, written by a newer hpcsweep; this one reads up to {newest}; nothing is wrong "
            "with it: update hpcsweep"
        )


def depth_of(data: bytes) -> int:
    """Return how deep the brackets of a JSON text are nested."""
    depth = deepest = 0
    in_text = escaped = False
    for byte in data:
        if in_text:
            in_text, escaped = escaped or byte != 0x22, byte == 0x5C and not escaped
        elif byte == 0x22:
            in_text = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _strange(path: Path) -> StoreError:
    return StoreError(f"{path}: not a regular file of the store (a link, a pipe, a device or a folder); remove it")
