"""Which results there are, each with a stamp that changes whenever its files do: what a cache compares."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from hpcsweep.store.layout import Layout
from hpcsweep.store.packed import steadily
from hpcsweep.store.packs import Packs
from hpcsweep.store.trajectory_folder import ARRAYS, RESULT

_ID = slice(4, 68)  # the run's id in "run-<64 hex>..."


class ResultStamp(NamedTuple):
    """A finished run, its trajectory, and the sizes, inodes and times of its files as one text."""

    run: str
    trajectory: str
    stamp: str


def result_stamps(packs: Packs, trajectory_ids: Iterable[str] | None = None) -> dict[str, ResultStamp]:
    """Return the stamps of the results of these trajectories, by run id; no file is opened. Default: of all, sorted.

    That of a packed result is made of what is in it, so it stays when packs are made into larger ones.
    """
    wanted = None if trajectory_ids is None else set(trajectory_ids)
    found = steadily(packs, lambda: _loose(packs.layout, wanted))
    for run_id, run in packs.runs.items():
        if wanted is None or run.trajectory in wanted:
            found[run_id] = ResultStamp(run_id, run.trajectory, run.stamp)
    return found if wanted else dict(sorted(found.items(), key=lambda item: (item[1].trajectory, item[0])))


def _loose(layout: Layout, wanted: set[str] | None) -> dict[str, ResultStamp]:
    stamps: dict[str, ResultStamp] = {}
    for trajectory_id, path in _folders(layout, wanted):
        parts: dict[str, list[str]] = {}
        results: list[str] = []
        with suppress(FileNotFoundError):
            for name, status in _statuses(path):
                part = f"{name[68:]}:{status.st_size}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"
                parts.setdefault(name[_ID], []).append(part)
                if RESULT.fullmatch(name):
                    results.append(name[_ID])
        for run_id in results:
            stamps[run_id] = ResultStamp(run_id, trajectory_id, "|".join(sorted(parts[run_id])))
    return stamps


def _statuses(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    for entry in os.scandir(folder):
        if entry.name.startswith("run-") and (RESULT.fullmatch(entry.name) or ARRAYS.fullmatch(entry.name)):
            with suppress(FileNotFoundError):  # it was packed in between
                yield entry.name, entry.stat()


def _folders(layout: Layout, wanted: set[str] | None) -> list[tuple[str, str]]:
    """Return (trajectory id, folder) of those that have one."""
    there = layout.loose_ids()
    return [(one, str(layout.trajectory(one).path)) for one in (there if wanted is None else there & wanted)]
