"""Frames kept beside the store, so that a table of thousands of runs need not open thousands of files again.

It is never stale: every cached run carries the stamp of its result files, and is used only while the files still have
that stamp. It is never trusted: a segment whose name does not match the SHA-256 of its bytes is ignored. It may be
deleted at any time. A segment is written once, named by its hash, with the runs as Parquet and the stacked histories
as arrays; now and then several are merged into one.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pandas as pd

from hpcsweep.errors import StoreError
from hpcsweep.files import sha256_hex, write_atomic
from hpcsweep.results.arrow import pyarrow
from hpcsweep.results.columns import Records, join
from hpcsweep.results.text import with_texts
from hpcsweep.store.array_bytes import pack_arrays, unpack_arrays
from hpcsweep.store.layout import Layout
from hpcsweep.store.reader import read_bytes

FORMAT = 9
MAX_SEGMENTS = 8
MIN_RUNS = 20  # reading fewer takes less time than caching them
_HISTORY = "history/"


def load(layout: Layout) -> tuple[list[Path], list[Records]]:
    """Return the intact segments of a store, oldest first; their runs have a column `stamp`."""
    paths: list[Path] = []
    parts: list[Records] = []
    for path in layout.all_records():
        with contextlib.suppress(OSError, StoreError, ValueError, KeyError):
            parts.append(_unpack(layout, path))
            paths.append(path)
    return paths, parts


def save(layout: Layout, added: Records, old_paths: list[Path], old: list[Records]) -> None:
    """Write `added` as a new segment; if there are many, one segment replaces them all.

    A store that cannot be written has no cache, which is not an error.
    """
    if len(added.runs) < MIN_RUNS:
        return
    merge = len(old_paths) >= MAX_SEGMENTS
    data = _pack(newest(join([*old, added])) if merge else added)
    path = layout.records(FORMAT, sha256_hex(data))
    with contextlib.suppress(OSError):
        layout.cache.mkdir(exist_ok=True)
        write_atomic(path, data)
        for path_before in old_paths if merge else []:
            path_before.unlink(missing_ok=True)


def newest(records: Records) -> Records:
    """Return the records with each run once, as it was last read."""
    last = {run_id: row for row, run_id in enumerate(records.runs["id"])}
    return records.take(sorted(last.values()))


def _pack(records: Records) -> bytes:
    buffer = io.BytesIO()
    records.runs.to_parquet(buffer, index=False)
    history = {f"{_HISTORY}{name}": column for name, column in records.history.items()}
    return pack_arrays({"runs": np.frombuffer(buffer.getvalue(), np.uint8), "lengths": records.lengths, **history})


def _unpack(layout: Layout, path: Path) -> Records:
    data = read_bytes(path)
    if path != layout.records(FORMAT, sha256_hex(data)):
        raise StoreError(f"{path}: damaged, or of another version")
    arrays = unpack_arrays(data)
    runs = with_texts(pd.read_parquet(pyarrow.BufferReader(arrays["runs"])))
    history = {name[len(_HISTORY) :]: a for name, a in arrays.items() if name.startswith(_HISTORY)}
    return Records(runs, arrays["lengths"], history)
