"""The names inside one trajectory's folder, which `layout` explains, and what is in its files, loose or packed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.files import TEMPORARY_PREFIX
from hpcsweep.store.packed import NOTHING_PACKED, Packed, steadily
from hpcsweep.store.reader import MOST_RECORD_BYTES, parse_record, read_bytes, require_format

CLAIM = re.compile(r"claim\.g(\d+)")
CHECKPOINT = re.compile(r"checkpoint\.g(\d+)\.k(\d+)\.e(\d+)")
FAILED = re.compile(r"failed\.g(\d+)\.json")
LOG = re.compile(r"log\.g(\d+)\.txt")
CUT = re.compile(r"cut\.g(\d+)\.json")
MEANING = re.compile(r"meaning\.json")
RESULT = re.compile(r"run-([0-9a-f]{64})\.json")
ARRAYS = re.compile(r"run-([0-9a-f]{64})\.g(\d+)\.npz")
MADE = re.compile(r"made\.g(\d+)\.([0-9a-f]{16})\.([0-9a-f]{16})")
SHORT = 16  # digits of a digest in a name
TRAJECTORY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TrajectoryFolder:
    """The names inside one trajectory's folder, and what is in its files, loose or packed."""

    path: Path
    packed: Packed = field(default=NOTHING_PACKED, compare=False, repr=False)

    @property
    def meaning(self) -> Path:
        return self.path / "meaning.json"

    @property
    def progress(self) -> Path:
        return self.path / "progress.json"

    def claim(self, generation: int) -> Path:
        return self.path / f"claim.g{generation}"

    def checkpoint(self, generation: int, number: int, epoch: int) -> Path:
        return self.path / f"checkpoint.g{generation}.k{number}.e{epoch}"

    def failed(self, generation: int) -> Path:
        return self.path / f"failed.g{generation}.json"

    @property
    def cancelled(self) -> Path:
        return self.path / "cancelled"

    def cut(self, generation: int) -> Path:
        return self.path / f"cut.g{generation}.json"

    def log(self, generation: int) -> Path:
        return self.path / f"log.g{generation}.txt"

    def result(self, run_id: str) -> Path:
        return self.path / f"run-{run_id}.json"

    def arrays(self, run_id: str, generation: int) -> Path:
        return self.path / f"run-{run_id}.g{generation}.npz"

    def files(self, run_id: str, generation: int) -> Path:
        return self.path / f"files-{run_id}.g{generation}"

    def made(self, generation: int, code: str, data: str) -> Path:
        return self.path / f"made.g{generation}.{code[:SHORT]}.{data[:SHORT]}"

    def has_results(self) -> bool:
        """Whether any run of the trajectory has a result."""
        return any(RESULT.fullmatch(name) for name in self.names())

    @property
    def crew_at_work(self) -> Path:
        return self.path / f"{TEMPORARY_PREFIX}crew"

    def loose_names(self) -> list[str]:
        """Return the names in the folder; an empty list if it does not exist."""
        return listed(self.path)

    def names(self) -> list[str]:
        """Return the names of the files that count, packed or loose; an empty list if there are none."""
        return self.overlaid(steadily(self.packed, self.loose_names))

    def overlaid(self, loose: list[str]) -> list[str]:
        """Return the names that count: a late twin's result beside a packed one of the same run does not."""
        names = self.packed.names(self.path.name)
        done = {match[1] for name in names if (match := RESULT.fullmatch(name))}
        return names + [name for name in loose if name not in names and _run_of(name) not in done]

    def has_packed(self, name: str) -> bool:
        """Whether a file of this trajectory was packed when the packs were last looked at."""
        return name in self.packed.names(self.path.name)

    def is_packed(self, path: Path) -> bool:
        """Whether a file of this trajectory is packed now."""
        return path.name in self.packed.refreshed().names(self.path.name)

    def has(self, path: Path) -> bool:
        """Whether a file of this trajectory exists, packed or loose."""
        return steadily(self.packed, path.exists) or self.has_packed(path.name)

    def time_of(self, path: Path) -> float:
        """Return when a file was last changed, in seconds since 1970; 0 if it is packed, as for a claim given back."""
        try:
            return 0.0 if self.has_packed(path.name) else path.stat().st_mtime
        except FileNotFoundError:
            if self.is_packed(path):
                return 0.0
            raise

    def read(self, path: Path, most_bytes: int | None = None) -> bytes:
        """Return what is in a file of this trajectory; StoreError as `read_bytes` raises it."""
        data = self.packed.read(self.path.name, path.name)
        if data is not None:
            return data
        try:
            return read_bytes(path, most_bytes)
        except FileNotFoundError:  # it may have been packed since
            data = self.packed.refreshed().read(self.path.name, path.name)
            if data is None:
                raise
            return data

    def record(self, path: Path, newest_format: int = 1) -> dict[str, Any]:
        """Return the JSON object in a file of this trajectory; errors are those of `read_record`."""
        record = parse_record(self.read(path, MOST_RECORD_BYTES), path)
        require_format(record, newest_format, path)
        return record

    def seen_gb(self) -> float:
        """Return the most memory in GB that a worker was seen to use here; 0 if none was seen, or all is finished."""
        try:
            found = self.record(self.progress).get("memory_gb")
        except (OSError, StoreError):
            return 0.0
        return float(found) if isinstance(found, (int, float)) else 0.0


def folder_in_store(trajectory_id: str) -> str:
    """Return the folder of a trajectory in a store, and in a pack."""
    return f"trajectories/{trajectory_id[:2]}/{trajectory_id}"


def _run_of(name: str) -> str | None:
    """Return the id of the run whose result a file is a part of, None if it is none."""
    match = RESULT.fullmatch(name) or ARRAYS.fullmatch(name)
    return match[1] if match else None


def listed(folder: Path) -> list[str]:
    """Return the names in a folder; an empty list if it does not exist.

    What an NFS client keeps of a removed file that is still open, `.nfs...`, is none.
    """
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".nfs")]
    except (FileNotFoundError, NotADirectoryError):
        return []
