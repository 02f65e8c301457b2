"""The files of packs: written whole and durable, replaced by smaller ones, removed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from hpcsweep.errors import StoreError
from hpcsweep.files import fsync_folder, move, overwrite, sha256_hex, write_atomic
from hpcsweep.store.pack_index import index_bytes, index_of
from hpcsweep.store.packs import Pack, contents_of
from hpcsweep.store.store import Store
from hpcsweep.store.trajectory_folder import folder_in_store

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip file can hold: equal content gives equal bytes
Files = dict[str, bytes]


def write_pack(store: Store, parts: Mapping[str, Files], ticket: Path | None = None) -> Path:
    """Write a pack of these trajectories, durable, and its index before it: it is there as soon as it has its name.

    With a `ticket`, the file of that name becomes the pack; FileNotFoundError, and there is no pack, if it is gone.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as members:
        for trajectory_id in sorted(parts):
            for name, data in sorted(parts[trajectory_id].items()):
                members.writestr(zipfile.ZipInfo(f"{folder_in_store(trajectory_id)}/{name}", _EPOCH), data)
    data = packed.getvalue()
    path = store.layout.pack(digest := sha256_hex(data))
    index = index_bytes(index_of(data, path))
    write_atomic(store.layout.index(digest, sha256_hex(index)), index)
    if ticket is None:
        write_atomic(path, data)
    else:
        overwrite(ticket, data)
        move(ticket, path)
        fsync_folder(path.parent)
    if path not in [one.path for one in store.packs.refreshed().all()]:
        raise StoreError(f"{path}: was written and is not there; nothing loose was removed")
    return path


def rewrite_packs(store: Store, keep: Callable[[str, str], bool]) -> None:
    """Replace each pack that has other files than `keep` tells to keep, by trajectory and name."""
    for one in store.packs.refreshed().all():
        before = {trajectory_id: contents_of(one, trajectory_id, cut_too=True) for trajectory_id in one.places}
        after = {
            trajectory_id: kept
            for trajectory_id, files in before.items()
            if (kept := {name: file.data for name, file in files.items() if keep(trajectory_id, name)})
        }
        if sum(map(len, after.values())) < sum(map(len, before.values())):
            if after:
                write_pack(store, after)
            remove_packs([one])
    store.packs.refreshed()


def remove_packs(packs: Iterable[Pack]) -> None:
    """Remove packs and their indexes."""
    for one in packs:
        one.path.unlink(missing_ok=True)
        for index in one.indexes:
            index.unlink(missing_ok=True)
        fsync_folder(one.path.parent)
