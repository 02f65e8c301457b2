"""What can be removed from a store, because it can be made again or nobody needs it any more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcsweep.files import TEMPORARY_PREFIX
from hpcsweep.store.claims import Life
from hpcsweep.store.layout import CHECKPOINT, SubmissionFolder
from hpcsweep.store.states import StoredTrajectory
from hpcsweep.store.store import Store

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
        """Delete it, unless somebody else has done so already."""
        if self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)


def find_leftovers(store: Store, at_work: Iterable[Path], *, checkpoints: bool = False) -> Iterator[Leftover]:
    """Yield what may be removed: the cache, partly written files, submissions other than those `at_work`.

    The newest submission of each sweep keeps its manifest, which the next plan is compared with. With `checkpoints`,
    yield also those of trajectories that are done; longer trainings would then start over.
    """
    if store.layout.cache.is_dir():
        yield Leftover(store.layout.cache, "cached frames")
    yield from _submissions(store, {path.absolute() for path in at_work})
    for trajectory_id in sorted(store.layout.trajectory_ids()):
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
    names = folder.names()
    for name in names:
        path = folder.path / name
        if name.startswith(TEMPORARY_PREFIX) and _is_old(path):
            yield Leftover(path, "a partly written file of a worker that was killed")
    seen = store.look(trajectory_id)
    finished = bool(seen.done) and seen.life is Life.DEAD and not seen.failed_generation and _ended_at_last(seen)
    if checkpoints and finished:
        for name in names:
            if CHECKPOINT.fullmatch(name):
                yield Leftover(folder.path / name, "checkpoint of a training that is done")


def _ended_at_last(seen: StoredTrajectory) -> bool:
    """Whether the newest thing that was kept is a result, not a checkpoint of a longer run that is not finished."""
    results = [seen.folder.result(run_id).stat().st_mtime for run_id in seen.done]
    kept = [path.stat().st_mtime for path in seen.folder.path.iterdir() if CHECKPOINT.fullmatch(path.name)]
    return not kept or max(results) >= max(kept)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > OLD_S
    except FileNotFoundError:
        return False
