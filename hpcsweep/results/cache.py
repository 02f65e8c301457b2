"""Frames kept beside the store, so that a table of thousands of runs need not open thousands of files again.

It is never stale: every cached run carries the stamp of its result files, and is used only while the files still have
that stamp. It is never trusted: a segment whose name does not match the SHA-256 of its bytes is ignored. It may be
deleted at any time. A segment is written once: the runs, and in a file of their own the histories, which most tables
do not need; each file is named by its hash. Now and then several segments are merged into one.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hpcsweep.errors import StoreError
from hpcsweep.files import sha256_hex, write_atomic
from hpcsweep.results.arrow import pyarrow
from hpcsweep.results.columns import History, Records, join
from hpcsweep.results.text import with_texts
from hpcsweep.store.array_bytes import pack_arrays, unpack_arrays
from hpcsweep.store.layout import Layout
from hpcsweep.store.reader import read_bytes

FORMAT = 10
MAX_SEGMENTS = 8
MIN_RUNS = 20  # reading fewer takes less time than caching them


class Segment(NamedTuple):
    """Runs that were cached together, and the files in which they are."""

    records: Records
    files: tuple[Path, ...]


def load(layout: Layout) -> list[Segment]:
    """Return the intact segments of a store, oldest first; their runs have a column `stamp`.

    What reads a history raises OSError (also StoreError) if its file is gone or damaged then.
    """
    segments: list[Segment] = []
    for path in layout.all_records():
        with contextlib.suppress(OSError, ValueError, KeyError):
            segments.append(_read(layout, path))
    return segments


def save(layout: Layout, added: Records, old: list[Segment]) -> None:
    """Write `added` as a new segment; if there are many, one segment replaces them all.

    A store that cannot be written has no cache, which is not an error.
    """
    if len(added.runs) < MIN_RUNS:
        return
    with contextlib.suppress(OSError):
        layout.cache.mkdir(exist_ok=True)
        merged = old if len(old) >= MAX_SEGMENTS else []
        _write(layout, newest(join([*(segment.records for segment in merged), added])))
        for path in (path for segment in merged for path in segment.files):
            path.unlink(missing_ok=True)


def newest(records: Records) -> Records:
    """Return the records with each run once, as it was last read."""
    last = {run_id: row for row, run_id in enumerate(records.runs["id"])}
    return records.take(sorted(last.values()))


def _write(layout: Layout, records: Records) -> None:
    history = pack_arrays(records.history)
    digest = sha256_hex(history)
    write_atomic(layout.histories(FORMAT, digest), history)
    table = pyarrow.Table.from_pandas(records.runs, preserve_index=False)
    buffer = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    runs = pack_arrays({"runs": np.frombuffer(buffer.getvalue(), np.uint8), "history": np.array(digest)})
    write_atomic(layout.records(FORMAT, sha256_hex(runs)), runs)


def _read(layout: Layout, path: Path) -> Segment:
    data = read_bytes(path)
    if path != layout.records(FORMAT, sha256_hex(data)):
        raise StoreError(f"{path}: damaged, or of another version")
    arrays = unpack_arrays(data)
    history = layout.histories(FORMAT, str(arrays["history"]))
    if not history.exists():
        raise StoreError(f"{history}: missing")
    with pyarrow.ipc.open_stream(pyarrow.py_buffer(arrays["runs"])) as stream:
        runs = with_texts(stream.read_pandas())
    return Segment(Records(runs, lambda: _read_history(layout, history)), (path, history))


def _read_history(layout: Layout, path: Path) -> History:
    data = read_bytes(path)
    if path != layout.histories(FORMAT, sha256_hex(data)):
        raise StoreError(f"{path}: damaged")
    return unpack_arrays(data)
