"""Putting results aside: they leave the store's trajectories and stay what they are, in a store of their own.

`aside/<time>/` is a store like any other: `hpcsweep table SWEEP --store results/aside/<time>` shows what is in it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from hpcsweep.errors import StoreError
from hpcsweep.files import fsync_folder, move
from hpcsweep.store.claims import shut_out
from hpcsweep.store.decisions import grounds
from hpcsweep.store.layout import Layout
from hpcsweep.store.packing import take_out
from hpcsweep.store.store import Store
from hpcsweep.sweep.runs import short_id


def put_aside(store: Store, trajectory_ids: Collection[str]) -> Path:
    """Move whole trajectories (results, checkpoints, logs) out of `store` into a new store; return its folder.

    Raises StoreError, and moves nothing, if one of them is being trained now.
    """
    store = store.probing()
    busy = [one for one in trajectory_ids if store.is_claimed(one)]
    if busy:
        raise StoreError(
            f"{len(busy)} of {len(trajectory_ids)} trajectories are being trained now (such as {short_id(busy[0])}); "
            "expected none at work before their results are put aside; stop the workers: hpcsweep cancel SWEEP"
        )
    for one in trajectory_ids:
        shut_out(store.folder(one), store.look(one).generation)
    take_out(store, trajectory_ids)
    aside = _new_store(store)
    _move_decisions(store, aside, set(trajectory_ids))  # first: what is decided from results stands as long as they do
    copy_origins(store.layout, aside.layout)
    for trajectory_id in trajectory_ids:
        source, target = store.folder(trajectory_id).path, aside.folder(trajectory_id).path
        if source.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            move(source, target)
            fsync_folder(target.parent)
    return aside.root


def _move_decisions(store: Store, aside: Store, trajectory_ids: set[str]) -> None:
    """Move the decisions that were made from results of these trajectories, and first those that rest on them."""
    made_from = list(grounds(store.layout))
    moved = {key: path for key, path, ids in made_from if not (isinstance(ids, str) or trajectory_ids.isdisjoint(ids))}
    resting = [path for _, path, key in made_from if isinstance(key, str) and key in moved]
    for path in (*resting, *moved.values()):
        target = aside.layout.root / path.relative_to(store.layout.root)
        target.parent.mkdir(exist_ok=True)
        move(path, target)


def copy_origins(source: Layout, target: Layout) -> None:
    """Copy what results refer to by digest: code, versions, data; and remarks; what is there already stays."""
    for folder in (source.snapshots, source.versions, source.kept, source.datasets, source.remarks):
        _copy_new(folder, target.root / folder.relative_to(source.root))


def _new_store(store: Store) -> Store:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in range(1000):
        root = store.layout.aside / f"{stamp}-{number:03d}"
        try:
            root.mkdir(parents=True)
        except FileExistsError:
            continue
        aside = Store(root, lease_s=store.lease_s)
        aside.create()
        return aside
    raise StoreError(f"{store.layout.aside}: more than a thousand folders in one second")


def _copy_new(source: Path, target: Path) -> None:
    """Copy the entries of a folder that the target lacks, each whole or not at all: they are never changed."""
    for entry in _entries(source):
        if not (target / entry.name).exists():
            target.mkdir(parents=True, exist_ok=True)
            part = target / f".tmp-{os.getpid()}-{entry.name}"
            if entry.is_dir():
                shutil.copytree(entry, part, dirs_exist_ok=True)
            else:
                shutil.copy2(entry, part)
            move(part, target / entry.name)


def _entries(folder: Path) -> Iterable[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".")) if folder.is_dir() else []
