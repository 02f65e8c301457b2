"""Merging stores: what another store holds is copied into this one, and what is in both is compared."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from hpcsweep.errors import StoreError, UsageError
from hpcsweep.files import move
from hpcsweep.launch.verify import differences
from hpcsweep.store import Result, Store
from hpcsweep.store.adopt import adopt, made_of
from hpcsweep.store.aside import copy_origins
from hpcsweep.store.opening import StoreSource, open_store
from hpcsweep.store.packing import write_loose
from hpcsweep.store.results import read_result
from hpcsweep.store.today import params_of
from hpcsweep.sweep.runs import short_id


@dataclass
class Merged:
    """What a merge did: ids of runs that were copied, that were here with the same numbers, and that differ (how)."""

    came: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    different: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)

    def in_words(self) -> list[str]:
        """Return the lines for people."""
        lines = [f"{len(self.came)} results were copied, {len(self.same)} were already here with the same numbers"]
        for run_id, why in self.different.items():
            lines.append(f"  {short_id(run_id)} is in both and differs in {why}; this store keeps its own")
        return lines + [f"  {short_id(run_id)} was not copied: {why}" for run_id, why in self.damaged.items()]


def merge(other: str | Path, *, store: StoreSource = None) -> Merged:
    """Copy the results of the store in the folder `other` into `store`, with their code, data and checkpoints.

    `other` is not changed. A run that both have stays as it is here; if its numbers differ, that is told. Raises
    UsageError if `other` is not a store, StoreError if a trajectory that is to change is being trained.
    """
    source, target = Store(Path(other).absolute()), open_store(store)
    if not source.layout.format.exists():
        raise UsageError(f"{other}: found no store there, expected a folder of results with its store.json")
    target.create()
    copy_origins(source.layout, target.layout)
    merged = Merged()
    there = target.layout.trajectory_ids()
    for trajectory_id in sorted(source.layout.trajectory_ids()):
        if trajectory_id in there:
            _merge_trajectory(source, target, trajectory_id, merged)
        else:
            _copy_trajectory(source, target, trajectory_id, merged)
    return merged


def _copy_trajectory(source: Store, target: Store, trajectory_id: str, merged: Merged) -> None:
    """Copy a trajectory that is not here, completely or not at all."""
    folder = target.folder(trajectory_id).path
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.parent / f".tmp-{os.getpid()}-{folder.name}"
    ours = source.folder(trajectory_id)
    if ours.path.is_dir():
        shutil.rmtree(part, ignore_errors=True)  # of an earlier process of this number
        shutil.copytree(ours.path, part, symlinks=True, dirs_exist_ok=True)
    part.mkdir(exist_ok=True)
    write_loose(ours, part)
    move(part, folder)
    merged.came += sorted(target.look(trajectory_id).done)


def _merge_trajectory(source: Store, target: Store, trajectory_id: str, merged: Merged) -> None:
    theirs, ours = source.folder(trajectory_id), target.folder(trajectory_id)
    for run_id in sorted(source.look(trajectory_id).done):
        try:
            result = read_result(theirs, run_id)
            if run_id in target.look(trajectory_id).done:
                _compare(read_result(ours, run_id), result, merged)
            elif adopt(target, result, params_of(theirs), made_of(theirs, run_id), theirs):
                merged.came.append(run_id)
        except StoreError as error:
            merged.damaged[run_id] = str(error)


def _compare(ours: Result, theirs: Result, merged: Merged) -> None:
    different = differences(ours, theirs)
    for name, what in (("code_sha256", "its code"), ("data_sha256", "its data")):
        then, now = ours.facts.get(name), theirs.facts.get(name)
        if then and now and then != now:
            different.append(what)
    if different:
        merged.different[ours.id] = ", ".join(different)
    else:
        merged.same.append(ours.id)
