"""Reading finished runs from a store into records, through the cache."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from hpcsweep.results import cache
from hpcsweep.results.columns import Records, empty, from_results, join
from hpcsweep.results.text import TEXT
from hpcsweep.store import Result, Store
from hpcsweep.store.results import read_result
from hpcsweep.store.stamps import ResultStamp


def read_records(store: Store, stamps: Mapping[str, ResultStamp]) -> tuple[Records, dict[str, OSError]]:
    """Return the records of these results, in their order, and why each of the others cannot be read."""
    paths, parts = cache.load(store.layout)
    cached = _current(join(parts) if parts else None, stamps)
    known = set(cached.runs["id"])
    found: list[Result] = []
    unread: dict[str, OSError] = {}
    for stamp in stamps.values():
        if stamp.run in known:
            continue
        try:
            found.append(read_result(store.folder(stamp.trajectory), stamp.run))
        except OSError as error:
            unread[stamp.run] = error
    if not found:
        return cached.select(list(stamps)), unread
    added = from_results(found)
    added.runs["stamp"] = [stamps[run_id].stamp for run_id in added.runs["id"]]
    cache.save(store.layout, added, paths, parts)
    return join([cached, added]).select(list(stamps)), unread


def _current(cached: Records | None, stamps: Mapping[str, ResultStamp]) -> Records:
    if cached is None:
        nothing = empty()
        return Records(nothing.runs.assign(stamp=pd.Series([], dtype=TEXT)), nothing.lengths, nothing.history)
    ids, seen = cached.runs["id"].tolist(), cached.runs["stamp"].tolist()
    current = {
        run_id: row
        for row, (run_id, stamp) in enumerate(zip(ids, seen, strict=True))
        if run_id in stamps and stamps[run_id].stamp == stamp
    }
    return cached.take(list(current.values()))
