"""Packing: what is finished moves out of folders of its own into packs, and back if it must be changed.

At every moment each file is in a folder, in a pack, or in both: a pack is written aside, flushed to disk and renamed
before anything loose is removed, and before the smaller packs that it replaces are. So a crash costs room at most. Two
who pack at once do no harm either; the claim on packing only keeps them from doing the same work twice.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from hpcsweep.errors import StoreError
from hpcsweep.files import TEMPORARY_PREFIX, write_atomic
from hpcsweep.store.claims import Claim, Life, describe_owner, holding, last_beat, try_claim
from hpcsweep.store.pack_files import Files, remove_packs, rewrite_packs, write_pack
from hpcsweep.store.packed import steadily
from hpcsweep.store.packs import Pack, contents_of
from hpcsweep.store.reader import read_bytes
from hpcsweep.store.results import read_result
from hpcsweep.store.states import StoredTrajectory
from hpcsweep.store.store import FORMAT, Store
from hpcsweep.store.trajectory_folder import (
    ARRAYS,
    CHECKPOINT,
    CLAIM,
    CUT,
    FAILED,
    LOG,
    MADE,
    MEANING,
    RESULT,
    TrajectoryFolder,
)

ENOUGH = 256  # trajectories with folders of their own, from which on a worker packs them when it ends
ALIKE = 8  # packs that differ in size by less than this are merged when there are so many of them
MOST_PACK_BYTES = 64 << 20  # a pack is made in memory
MOST_FILE_BYTES = 1 << 20  # what is larger stays in its folder
_OVERHEAD_BYTES = 400  # that a zip file adds for each member
OWNER = "packing"  # what the claim on packing says of its worker
_MUST = (RESULT, ARRAYS)
_MAY = (CHECKPOINT, LOG, CLAIM, MADE, FAILED, CUT, MEANING)


@dataclass
class Packing:
    """What was packed: trajectories, their files, and the packs that hold them now."""

    trajectories: int = 0
    files: int = 0
    packs: int = 0


def pack_if_many(store: Store) -> Packing:
    """Pack what is finished if it is much and nobody else does so; a store of an earlier format stays as it is."""
    if store.format < FORMAT or len(store.layout.loose_ids()) < ENOUGH:
        return Packing()
    with _packing(store) as claim:
        return _pack(store, claim, ENOUGH) if claim else Packing()


def merge_if_many(store: Store) -> None:
    """Make a large pack of packs of about one size if there are many, unless somebody else packs: a reader opens all.

    So what is packed is written again only when there is eight times as much of it.
    """
    tiers: dict[int, list[Pack]] = {}
    for one in store.packs.refreshed().all():
        if one.size <= MOST_PACK_BYTES // ALIKE:
            tiers.setdefault(one.size.bit_length() // 3, []).append(one)
    many = next((packs for packs in tiers.values() if len(packs) >= ALIKE), [])
    if many:
        with _packing(store) as claim:
            if claim:
                _pack_batch(store, {}, many[:ALIKE], Packing())


def pack_all(store: Store) -> Packing:
    """Pack everything that is finished; StoreError if somebody else packs now, or cannot be let do so."""
    store = store.probing()
    _raise_format(store)
    with _packing(store) as claim:
        return _pack(store, _held(store, claim), 1)


def take_out(store: Store, trajectory_ids: Collection[str]) -> int:
    """Give trajectories folders of their own again, and return how many were packed; StoreError if somebody packs."""
    if not set(trajectory_ids) & store.packs.refreshed().ids():
        return 0
    with _packing(store) as claim:
        _held(store, claim)
        taken = set(trajectory_ids) & store.packs.refreshed().ids()
        for trajectory_id in taken:
            folder = store.folder(trajectory_id)
            _remove_late(folder)
            folder.path.mkdir(parents=True, exist_ok=True)
            write_loose(folder, folder.path)
        rewrite_packs(store, lambda trajectory_id, name: trajectory_id not in taken)
    return len(taken)


def drop_packed_checkpoints(store: Store) -> None:
    """Remove the checkpoints from all packs; longer trainings then start over. StoreError if somebody packs."""
    with _packing(store) as claim:
        _held(store, claim)
        rewrite_packs(store, lambda trajectory_id, name: not CHECKPOINT.fullmatch(name))


def write_loose(folder: TrajectoryFolder, target: Path) -> None:
    """Write the packed files of a trajectory into the folder `target`, in place of any of the same names."""
    for name, data in folder.packed.files(folder.path.name).items():
        write_atomic(target / name, data)
        if CLAIM.fullmatch(name):
            os.utime(target / name, (0, 0))  # given back, as it was when it was packed


def _packing(store: Store) -> AbstractContextManager[Claim | None]:
    """Hold the claim on packing during the block; it is given as None if somebody else holds it."""
    store.layout.packs.mkdir(exist_ok=True)
    return holding(TrajectoryFolder(store.layout.packs), OWNER, store.lease_s)


def _held(store: Store, claim: Claim | None) -> Claim:
    if claim is None:
        raise StoreError(
            f"{store.layout.packs}: another process packs this store now; try it again when that has ended"
        )
    return claim


def _raise_format(store: Store) -> None:
    if store.format >= FORMAT:
        return
    if any(store.is_claimed(trajectory_id) for trajectory_id in store.layout.loose_ids()):
        raise StoreError(
            f"the store {store.root} is of format {store.format}, and somebody trains in it now; expected nobody at "
            "work before it is packed, since an earlier hpcsweep would not find what is packed; try it again then"
        )
    store.raise_format()


def _pack(store: Store, claim: Claim, enough: int) -> Packing:
    """Pack what can be packed, if that is enough, in packs of bounded size; the last takes smaller packs in."""
    done, batch, size = Packing(), dict[str, Files](), 0
    ids = sorted(store.layout.loose_ids())
    if len(ids) < enough:
        return done
    for trajectory_id in ids:
        files = _finished_files(store, trajectory_id)
        if not files:
            if files is not None:
                _remove_loose(store.folder(trajectory_id))
            continue
        added = sum(map(len, files.values())) + _OVERHEAD_BYTES * len(files)
        if batch and size + added > MOST_PACK_BYTES:
            _pack_batch(store, batch, [], done)
            claim.beat()
            batch, size = {}, 0
        batch[trajectory_id], size = files, size + added
    if batch:
        _pack_batch(store, batch, _smaller(store, size), done)
    return done


def _finished_files(store: Store, trajectory_id: str) -> Files | None:
    """Return what is to be packed of a finished trajectory; None if it has no result, or may be at work."""
    folder = store.folder(trajectory_id)
    try:
        if not _is_free(store, folder):
            return None
        loose = TrajectoryFolder(folder.path)
        found = steadily(folder.packed, loose.loose_names)
        counted = folder.overlaid(found)
        names = [name for name in found if name in counted and not folder.has_packed(name)]
        runs = [match[1] for name in names if (match := RESULT.fullmatch(name))]
        for run_id in runs:
            read_result(loose, run_id)  # what is damaged stays where it is, and can be removed there
        files = {name: read_bytes(folder.path / name) for name in names if _is_small(folder.path / name)}
    except OSError:  # also StoreError
        return None
    return files


def _is_free(store: Store, folder: TrajectoryFolder) -> bool:
    """Whether nobody works on a trajectory that has results: whoever was killed at its end is succeeded first."""
    names = folder.names()
    if any(name.startswith(TEMPORARY_PREFIX) for name in names):
        return False
    seen = StoredTrajectory.look(folder, store.lease_s, probe=True, names=names)
    if not seen.done or seen.life is not Life.DEAD or seen.failed_generation:
        return False
    if seen.generation and last_beat(folder, seen.generation) != 0:
        claim = try_claim(folder, describe_owner(OWNER), store.lease_s)
        if claim is None:
            return False
        claim.give_back()
    return True


def _is_small(path: Path) -> bool:
    """Whether a file goes into a pack; StoreError if it must, and is too large."""
    small = path.lstat().st_size <= MOST_FILE_BYTES
    if any(pattern.fullmatch(path.name) for pattern in _MUST):
        if not small:
            raise StoreError(f"{path}: a result too large to be packed")
        return True
    return small and any(pattern.fullmatch(path.name) for pattern in _MAY)


def _smaller(store: Store, size: int) -> list[Pack]:
    """Return the packs that a new one of `size` bytes takes in, so that their number grows with the logarithm only."""
    taken = []
    for one in sorted(store.packs.refreshed().all(), key=lambda pack: (pack.size, pack.path)):
        if one.size > 2 * size or size + one.size > MOST_PACK_BYTES:
            break
        taken.append(one)
        size += one.size
    return taken


def _pack_batch(store: Store, batch: Mapping[str, Files], absorbed: Collection[Pack], done: Packing) -> None:
    parts = {trajectory_id: dict(files) for trajectory_id, files in batch.items()}
    for one in absorbed:
        for trajectory_id in one.places:
            packed = {name: content.intact() for name, content in contents_of(one, trajectory_id).items()}
            parts[trajectory_id] = {**parts.get(trajectory_id, {}), **packed}
    written = write_pack(store, parts)
    for trajectory_id in batch:
        _remove_loose(store.folder(trajectory_id))
    remove_packs(one for one in absorbed if one.path != written)
    done.trajectories += len(batch)
    done.files += sum(map(len, batch.values()))
    done.packs += 1


def _remove_loose(folder: TrajectoryFolder) -> None:
    """Remove what a pack holds, what a late twin has left beside it, and the folders if nothing else is there."""
    _remove_late(folder)
    for name in folder.packed.names(folder.path.name):
        (folder.path / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.path.rmdir()
        folder.path.parent.rmdir()


def _remove_late(folder: TrajectoryFolder) -> None:
    loose = steadily(folder.packed, folder.loose_names)
    for name in set(loose) - set(folder.overlaid(loose)):
        (folder.path / name).unlink(missing_ok=True)
