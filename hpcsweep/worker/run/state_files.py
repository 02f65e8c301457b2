"""Checkpoints of jobs that save their state as files: the files travel inside the checkpoint, as arrays of bytes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from hpcsweep.errors import StoreError

_FILES = "__files__"


def state_of_files(write: Callable[[Path], Any]) -> dict[str, Any]:
    """Return what `write` writes into the folder it is given, as a state that a checkpoint can hold."""
    with tempfile.TemporaryDirectory(prefix="hpcsweep-checkpoint-") as name:
        folder = Path(name)
        write(folder)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {_FILES: {name: np.frombuffer(content, dtype=np.uint8) for name, content in files.items()}}


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name)
    return not parts.is_absolute() and ".." not in parts.parts and bool(parts.parts)


class UnpackedStates:
    """The folders that states of files were unpacked to, until they are removed."""

    def __init__(self) -> None:
        self._folders: list[Path] = []

    def unpack(self, state: Any) -> Any:
        """Return `state` as it is, or a new folder with its files if it is a state of files."""
        if not isinstance(state, dict) or _FILES not in state:
            return state
        folder = Path(tempfile.mkdtemp(prefix="hpcsweep-restore-"))
        self._folders.append(folder)
        for name, content in state[_FILES].items():
            if not _is_inside(name):
                raise StoreError(f'a checkpoint holds the file name "{name}"; expected one inside its folder')
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.tobytes())
        return folder

    def remove(self) -> None:
        """Remove all folders."""
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
