"""Which results there are, each with a stamp that changes whenever its files do: what a cache compares."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from hpcsweep.store.layout import ARRAYS, RESULT, Layout

_ID = slice(4, 68)  # where a run's id stands in "run-<64 hex>..."


@dataclass(frozen=True, slots=True)
class ResultStamp:
    """A finished run, where it lies, and the sizes, inodes and times of its files as one text."""

    run: str
    trajectory: str
    stamp: str


def result_stamps(layout: Layout, trajectory_ids: Iterable[str] | None = None) -> dict[str, ResultStamp]:
    """Return the stamps of the results of these trajectories (default: of all), by run id; no file is opened."""
    there = layout.trajectory_ids()
    wanted = sorted(there if trajectory_ids is None else there.intersection(trajectory_ids))
    stamps: dict[str, ResultStamp] = {}
    for trajectory_id in wanted:
        parts: dict[str, list[str]] = {}
        results: list[str] = []
        for entry in os.scandir(layout.trajectory(trajectory_id).path):
            is_result = RESULT.fullmatch(entry.name) is not None
            if is_result or ARRAYS.fullmatch(entry.name):
                status = entry.stat()
                part = f"{entry.name[68:]}:{status.st_size}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"
                parts.setdefault(entry.name[_ID], []).append(part)
                if is_result:
                    results.append(entry.name[_ID])
        for run_id in sorted(results):
            stamps[run_id] = ResultStamp(run_id, trajectory_id, "|".join(sorted(parts[run_id])))
    return stamps
