"""The folder of a run: the working folder of its job, so that no two runs, and no two attempts, share a file."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hpcsweep.errors import JobError
from hpcsweep.files import BEST_MODEL_FILE, MODEL_FILE
from hpcsweep.store.trajectory_folder import TrajectoryFolder

MB = 1_000_000
MODELS = (MODEL_FILE, BEST_MODEL_FILE)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in `folder` during the block."""
    before = os.open(".", os.O_RDONLY)  # a name would not be enough: the job before may have removed the folder
    try:
        os.chdir(folder)
        yield
    finally:
        with suppress(OSError):  # closed by the job; the worker puts its folder back by name
            os.fchdir(before)
            os.close(before)


def begin_with(folder: Path, files: Path) -> None:
    """Copy the files of the attempt that a run continues from, so that the job finds what it has written."""
    if files.is_dir() and files != folder:
        shutil.copytree(files, folder, symlinks=True, dirs_exist_ok=True)


def keep(folder: Path, most_mb: float, most_files: int) -> dict[str, Any]:
    """Keep what fits of a run's folder, the smallest files first, remove the rest, and return the facts about it.

    The trained model comes before all others. Only regular files are kept. `files` are their names; `files_left_out`
    has the sizes in bytes of the others.
    """
    left_out, sizes = {}, {}
    for path in _inside(folder):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode):
            sizes[path] = status.st_size
        else:
            path.unlink()
            left_out[path.relative_to(folder).as_posix()] = 0
    kept_bytes, kept = 0.0, list[str]()
    for path in sorted(sizes, key=lambda one: (one.name not in MODELS, sizes[one], one)):
        if len(kept) < most_files and kept_bytes + sizes[path] <= most_mb * MB:
            kept.append(path.relative_to(folder).as_posix())
            kept_bytes += sizes[path]
        else:
            left_out[path.relative_to(folder).as_posix()] = sizes[path]
            path.unlink()
    _remove_empty(folder)
    named = {"files": sorted(kept), "files_left_out": left_out}
    return {name: value for name, value in named.items() if value}


def remove_others(trajectory: TrajectoryFolder, run_id: str, generation: int) -> None:
    """Remove the folders that earlier attempts at a finished run left."""
    for number in range(1, generation):
        shutil.rmtree(trajectory.files(run_id, number), ignore_errors=True)


def explain_missing(error: BaseException, study: Path) -> BaseException:
    """Return the error to record; if a relative path exists in the study, it says what to write instead."""
    name = getattr(error, "filename", None)
    if not isinstance(error, FileNotFoundError) or not isinstance(name, str) or Path(name).is_absolute():
        return error
    if not (study / name).exists():
        return error
    return JobError(
        f'found no "{name}" in the folder of the run, where its job works; there is one in the study: write '
        f'run.study / "{name}", or set workdir = "study" in the sweep file'
    )


def _inside(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        yield from (Path(top, name) for name in names)
        yield from (path for name in folders if (path := Path(top, name)).is_symlink())


def _remove_empty(folder: Path) -> None:
    for top, _, _ in sorted(os.walk(folder), reverse=True):
        with suppress(OSError):
            Path(top).rmdir()


def limits(keep_section: Mapping[str, Any] | None) -> tuple[float, int]:
    """Return how many MB and how many files are kept of a run at most, by the sweep file's [keep]."""
    section = keep_section or {}
    return float(section.get("mb", 100.0)), int(section.get("files", 100))
