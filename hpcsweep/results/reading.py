"""Reading finished runs from a store into records, through the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from hpcsweep.results import cache
from hpcsweep.results.columns import History, Records, from_results, join
from hpcsweep.store import Result, Store
from hpcsweep.store.results import read_result
from hpcsweep.store.stamps import ResultStamp

_AT_ONCE = 2_000  # results that are in memory as they were read, with all their arrays

Unread = dict[str, OSError]
"""Why the results of some runs cannot be read, by their ids."""


def read_records(store: Store, stamps: Mapping[str, ResultStamp]) -> tuple[Records, Unread]:
    """Return the records of these results, in their order, and why each of the others cannot be read."""
    segments = cache.load(store.layout)
    known = join([segment.records for segment in segments])
    rows = _current(known, stamps)
    added, unread = _read(store, (stamp for stamp in stamps.values() if stamp.run not in rows))
    if len(added.runs):
        added.runs["stamp"] = [stamps[run_id].stamp for run_id in added.runs["id"]]
        rows |= {run_id: row for row, run_id in enumerate(added.runs["id"], len(known.runs))}
        cache.save(store.layout, added, segments)
        known = join([known, added]) if len(known.runs) else added
    found = known.take([rows[run_id] for run_id in stamps if run_id in rows])
    return Records(found.runs, lambda: _history(store, found, stamps)), unread


def _read(store: Store, stamps: Iterable[ResultStamp]) -> tuple[Records, Unread]:
    """Read results, not from the cache."""
    unread: Unread = {}
    found = _results(store, stamps, unread)
    parts: list[Records] = []
    while some := list(islice(found, _AT_ONCE)):
        parts.append(from_results(some))
    return join(parts), unread


def _results(store: Store, stamps: Iterable[ResultStamp], unread: Unread) -> Iterator[Result]:
    for stamp in stamps:
        try:
            yield read_result(store.folder(stamp.trajectory), stamp.run)
        except OSError as error:
            unread[stamp.run] = error


def _history(store: Store, records: Records, stamps: Mapping[str, ResultStamp]) -> History:
    """Return the histories of `records`, read again if another process has removed the cache since."""
    try:
        return records.history
    except (OSError, ValueError, KeyError):
        return _read(store, [stamps[run_id] for run_id in records.runs["id"]])[0].history


def _current(cached: Records, stamps: Mapping[str, ResultStamp]) -> dict[str, int]:
    """Return {run id: its row in the cache} of those of which the files have not changed since."""
    if "stamp" not in cached.runs:
        return {}
    ids, seen = cached.runs["id"].tolist(), cached.runs["stamp"].tolist()
    return {
        run_id: row
        for row, (run_id, stamp) in enumerate(zip(ids, seen, strict=True))
        if run_id in stamps and stamps[run_id].stamp == stamp
    }
