"""What can be removed from a store, because it can be made again or nobody needs it any more."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsweep.files import TEMPORARY_PREFIX
from hpcsweep.store.claims import Life
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.packing import drop_packed_checkpoints
from hpcsweep.store.packs import contents_of
from hpcsweep.store.states import StoredTrajectory
from hpcsweep.store.store import Store
from hpcsweep.store.trajectory_folder import CHECKPOINT, listed

OLD_S = 3600.0


@dataclass(frozen=True)
class Leftover:
    """One file or folder that may be removed, and the reason."""

    path: Path
    why: str

    def size(self) -> tuple[int, int]:
        """Return (files, bytes) in it."""
        paths = [one for one in self.path.rglob("*") if one.is_file()] if self.path.is_dir() else [self.path]
        return len(paths), sum(one.stat().st_size for one in paths)

    def remove(self) -> None:
        """Delete it, unless somebody else has done so already; OSError if that may not be."""
        if self.path.is_dir():
            shutil.rmtree(self.path, onerror=_unless_gone)
        else:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class PackedCheckpoints(Leftover):
    """The checkpoints in a pack, and their sizes in bytes."""

    store: Store
    sizes: Sequence[int]

    def size(self) -> tuple[int, int]:
        """Return (files, bytes) in it."""
        return len(self.sizes), sum(self.sizes)

    def remove(self) -> None:
        """Write the pack anew without them."""
        drop_packed_checkpoints(self.store)


def find_leftovers(store: Store, at_work: Iterable[Path], *, checkpoints: bool = False) -> Iterator[Leftover]:
    """Yield what may be removed: the cache, partly written files, submissions other than those `at_work`.

    The newest submission of each sweep keeps its manifest, which the next plan is compared with. With `checkpoints`,
    yield also those of trajectories that are done; longer trainings would then start over.
    """
    if store.layout.cache.is_dir():
        yield Leftover(store.layout.cache, "cached frames")
    yield from _submissions(store, {path.absolute() for path in at_work})
    yield from _partly_written(store.layout.packs)
    if checkpoints:
        yield from _packed_checkpoints(store)
    for trajectory_id in sorted(store.layout.loose_ids()):
        yield from _of_trajectory(store, trajectory_id, checkpoints)


def _submissions(store: Store, at_work: set[Path]) -> Iterator[Leftover]:
    for sweep in store.layout.sweep_names():
        submissions = store.layout.submissions(sweep)
        for number, submission in enumerate(submissions):
            if submission.path.absolute() in at_work:
                continue
            if number < len(submissions) - 1:
                yield Leftover(submission.path, "a submission that has ended")
            elif _has_files(submission):
                yield Leftover(submission.workers, "files of workers that have ended")


def _has_files(submission: SubmissionFolder) -> bool:
    return submission.workers.is_dir() and any(submission.workers.iterdir())


def _of_trajectory(store: Store, trajectory_id: str, checkpoints: bool) -> Iterator[Leftover]:
    folder = store.folder(trajectory_id)
    names = folder.loose_names()
    yield from _partly_written(folder.path)
    seen = store.look(trajectory_id)
    finished = bool(seen.done) and seen.life is Life.DEAD and not seen.failed_generation and _ended_at_last(seen)
    if checkpoints and finished:
        for name in names:
            if CHECKPOINT.fullmatch(name):
                yield Leftover(folder.path / name, "checkpoint of a training that is done")


def _ended_at_last(seen: StoredTrajectory) -> bool:
    """Whether the newest thing that was kept is a result, not a checkpoint of a longer run that is not finished."""
    folder = seen.folder
    results = [folder.time_of(folder.result(run_id)) for run_id in seen.done]
    kept = [folder.time_of(folder.path / name) for name in folder.loose_names() if CHECKPOINT.fullmatch(name)]
    return not kept or max(results) >= max(kept)


def _partly_written(folder: Path) -> Iterator[Leftover]:
    for name in listed(folder):
        if name.startswith(TEMPORARY_PREFIX) and _is_old(folder / name):
            yield Leftover(folder / name, "a partly written file of a worker that was killed")


def _packed_checkpoints(store: Store) -> Iterator[Leftover]:
    for pack in store.packs.refreshed().all():
        files = [(name, len(file.data)) for one in pack.places for name, file in contents_of(pack, one).items()]
        sizes = [size for name, size in files if CHECKPOINT.fullmatch(name)]
        if sizes:
            yield PackedCheckpoints(pack.path, "a pack with checkpoints of trainings that are done", store, sizes)


def _unless_gone(function: object, path: str, raised: tuple[Any, BaseException, Any]) -> None:
    """Raise what kept a file from being removed, but for those that are gone, or that NFS keeps while they are open."""
    error = raised[1]
    if not (isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTEMPTY, errno.EBUSY)):
        raise type(error)(*error.args[:2], path) from error  # whose own path may be a name only


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > OLD_S
    except FileNotFoundError:
        return False
