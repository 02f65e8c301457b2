"""Which results there are, each with a stamp that changes whenever its files do: what a cache compares."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from hpcsweep.store.layout import ARRAYS, RESULT, TRAJECTORY, Layout

_ID = slice(4, 68)  # the run's id in "run-<64 hex>..."


class ResultStamp(NamedTuple):
    """A finished run, its trajectory, and the sizes, inodes and times of its files as one text."""

    run: str
    trajectory: str
    stamp: str


def result_stamps(layout: Layout, trajectory_ids: Iterable[str] | None = None) -> dict[str, ResultStamp]:
    """Return the stamps of the results of these trajectories (default: of all), by run id; no file is opened."""
    stamps: dict[str, ResultStamp] = {}
    for trajectory_id, path in _folders(layout, trajectory_ids):
        parts: dict[str, list[str]] = {}
        results: list[str] = []
        for entry in os.scandir(path):
            name = entry.name
            if not name.startswith("run-"):
                continue
            is_result = RESULT.fullmatch(name) is not None
            if is_result or ARRAYS.fullmatch(name):
                status = entry.stat()
                part = f"{name[68:]}:{status.st_size}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"
                parts.setdefault(name[_ID], []).append(part)
                if is_result:
                    results.append(name[_ID])
        for run_id in sorted(results):
            stamps[run_id] = ResultStamp(run_id, trajectory_id, "|".join(sorted(parts[run_id])))
    return stamps


def _folders(layout: Layout, trajectory_ids: Iterable[str] | None) -> list[tuple[str, str]]:
    """Return (trajectory id, folder) of those that exist, in the order of their ids."""
    wanted = None if trajectory_ids is None else set(trajectory_ids)
    if not layout.trajectories.is_dir():
        return []
    groups = [entry.path for entry in os.scandir(layout.trajectories) if entry.is_dir()]
    if wanted is not None and len(wanted) < len(groups):
        return sorted((one, str(path)) for one in wanted if (path := layout.trajectory(one).path).is_dir())
    found = [(entry.name, entry.path) for group in groups for entry in os.scandir(group)]
    return sorted(one for one in found if (wanted is None or one[0] in wanted) and TRAJECTORY.fullmatch(one[0]))
