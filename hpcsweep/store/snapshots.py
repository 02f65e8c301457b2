"""Snapshots of a job's code: the files as they were when workers were sent for, each set of them kept once.

A snapshot is a folder named by the digest of what is in it, so whoever reads it can check it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from hpcsweep.errors import StoreError, shell
from hpcsweep.files import TEMPORARY_PREFIX, canonical_json, fsync_folder, sha256_hex
from hpcsweep.store.layout import Layout
from hpcsweep.store.reader import read_bytes

_CACHE = "__pycache__"  # of processes that the job starts, which import from the snapshot by themselves


def snapshot_digest(files: Mapping[str, bytes]) -> str:
    """Return the digest of files with this content under these paths."""
    return sha256_hex(canonical_json({name: sha256_hex(content) for name, content in files.items()}).encode())


def keep_snapshot(layout: Layout, files: Mapping[str, bytes]) -> str:
    """Keep `files` (content by path, with slashes), durable, unless they are kept already; return their digest."""
    digest = snapshot_digest(files)
    folder = layout.snapshot(digest)
    if folder.is_dir():
        return digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.parent / f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        aside.mkdir(exist_ok=True)  # a command may have no file at all
        for name, content in files.items():
            _write(aside / name, content)
        aside.rename(folder)
        fsync_folder(folder.parent)
    except OSError as error:
        if not folder.is_dir():  # else another was first with the same
            raise StoreError(f"{folder}: the code cannot be kept there: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return digest


def read_snapshot(layout: Layout, digest: str) -> dict[str, bytes]:
    """Return the files of a snapshot by their paths; StoreError if they are not those that were kept."""
    folder = layout.snapshot(digest)
    try:
        files = {path.relative_to(folder).as_posix(): read_bytes(path) for path in _files(folder)}
    except OSError as error:
        raise StoreError(f"{folder}: the code that shall run cannot be read: {error.strerror}") from error
    if snapshot_digest(files) != digest:
        raise StoreError(
            f"{folder}: the code that shall run is missing or was changed there (its SHA-256 does not match); expected "
            f"it as it was kept; delete it and submit again: {shell('rm', '-r', folder)}"
        )
    return files


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and _CACHE not in path.parts)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
