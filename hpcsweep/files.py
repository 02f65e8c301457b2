"""Writing files so that no crash, full disk or second writer can leave half a file behind.

This relies only on rename(2) and link(2), which an NFS server carries out atomically, and never on flock.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path
from typing import Any

TEMPORARY_PREFIX = ".tmp-"
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

MODEL_FILE, BEST_MODEL_FILE = "model.keras", "model-best.keras"  # among the files of a run


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of a file's bytes by an algorithm of hashlib; OSError if it cannot be read."""
    digest = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, ASCII, shortest exact floats; NaN is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def plain(value: Any) -> Any:
    """Return `value` as strict JSON can hold it: mappings as dicts, tuples as lists.

    NaN and infinities become "nan", "inf" and "-inf", which `float` reads; None stands for what is missing.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def printable(text: str) -> str:
    """Return text that somebody else may have written, with all escaped that a terminal would obey but line ends.

    So a log or a parameter can neither move the cursor, nor hide a line, nor write right to left.
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shown_in_html(value: Any) -> Any:
    """Return what a page shows of a value: of a text that is not markup itself, its `printable` form."""
    return printable(value) if type(value) is str else value


def spreadsheet_text(text: str) -> str:
    """Return text for a cell of a CSV file, with a quote before what a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text


def json_text(value: Any, **layout: Any) -> str:
    """Return the strict JSON text of a value, made `plain`; `layout` is what `json.dumps` takes."""
    return json.dumps(plain(value), allow_nan=False, **layout).replace("\x7f", "\\u007f")


def numbers_of(record: Mapping[str, float | str]) -> dict[str, float]:
    """Return the numbers of a record that was made `plain`."""
    return {name: float(value) if isinstance(value, str) else value for name, value in record.items()}


Look = list[Any]
"""How a file looks from outside: its path, its size in bytes, the time of its last change in ns."""


def looks_of(paths: Iterable[Path]) -> list[Look]:
    """Return how files look from outside; while that stays, so does what is in them."""
    return [[str(path.absolute()), (status := path.stat()).st_size, status.st_mtime_ns] for path in paths]


def look_alike(looks: Iterable[Look]) -> bool:
    """Whether all files still look so; False if one is not there."""
    try:
        return all(looks_of([Path(look[0])])[0][1:] == list(look[1:]) for look in looks)
    except OSError:
        return False


@contextmanager
def naming(call: str, path: Path) -> Iterator[None]:
    """Let an error of the system say in which call, and with which file, it came."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror or error} ({call})", str(path)) from error


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, if its file system can do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems refuse fsync on folders, whose names are durable anyway
        pass
    finally:
        os.close(descriptor)


def write_aside(path: Path, data: bytes, *, durable: bool = True) -> Path:
    """Write `data` to a new temporary file beside `path`, and return its path; an OSError leaves nothing.

    What is not `durable` outlives every process, but perhaps no power cut: it may then be cut short, or not be there.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{path.name}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with naming("write", path), open(temporary, "xb") as file:
            file.write(data)
            if durable:
                _flush(file, path)
    except BaseException:
        _remove(temporary)
        raise
    return temporary


def overwrite(path: Path, data: bytes) -> None:
    """Put `data` durably into a file that is there; FileNotFoundError if it is not. A reader may see half of it."""
    with naming("write", path), open(path, "r+b") as file:
        file.truncate()
        file.write(data)
        _flush(file, path)


def _flush(file: BufferedIOBase, path: Path) -> None:
    file.flush()
    with naming("fsync", path):
        os.fsync(file.fileno())


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data`: a reader sees either the whole old file or the whole new one."""
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Replace each path by its data, once all are written: what is interrupted before that replaces none."""
    aside: dict[Path, Path] = {}
    try:
        for path, data in files.items():
            aside[path] = write_aside(path, data)
        for path in files:
            move(aside[path], path)
            del aside[path]
    finally:
        for temporary in aside.values():
            _remove(temporary)
    for folder in {path.parent for path in files}:
        fsync_folder(folder)


def move(source: Path, path: Path) -> None:
    """Rename; a lost NFS reply can make a success look failed, since what was renamed is no longer there."""
    moved = source.stat()
    try:
        with naming("rename", path):
            os.replace(source, path)
    except FileNotFoundError:
        if not os.path.samestat(path.stat(), moved):
            raise


def publish(path: Path, data: bytes, *, durable: bool = True) -> bool:
    """Create `path` with `data` unless it exists: True if this call made it, False if another was first.

    `durable` as for `write_aside`. A lost NFS reply can make a successful link look failed, so a failure is judged by
    the link count of the temporary file (2: the link was made).
    """
    temporary = write_aside(path, data, durable=durable)
    try:
        try:
            with naming("link", path):
                os.link(temporary, path)
            won = True
        except OSError:
            won = temporary.stat().st_nlink == 2
            if not won and not path.exists():
                raise
    finally:
        _remove(temporary)
    if won and durable:
        fsync_folder(path.parent)
    return won


def _remove(temporary: Path) -> None:
    """Remove a temporary file; one that cannot be removed is a leftover, and no reason to fail."""
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def server_now(folder: Path) -> float:
    """Return the file server's clock in seconds since 1970: the mtime of a probe file written to `folder` now."""
    probe = folder / f"{TEMPORARY_PREFIX}clock-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with naming("write", probe), open(probe, "xb") as file:
            file.write(b".")
        return probe.stat().st_mtime
    finally:
        _remove(probe)
