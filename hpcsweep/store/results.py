"""What the store keeps of a run that ended: its result, or how its attempt failed. Reading verifies the hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcsweep.errors import NewerFormatError, StoreError, shell, to_type
from hpcsweep.files import canonical_json, numbers_of, plain, publish, sha256_hex, write_atomic
from hpcsweep.store.causes import Cause, Why
from hpcsweep.store.trajectory_folder import ARRAYS, TrajectoryFolder

# Planning reads no arrays, and importing NumPy would take most of the time of planning a small sweep.
if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FORMAT = 1
_HISTORY = "history/"


@dataclass(frozen=True)
class Result:
    """A finished run: what it means, how it ended, what was measured."""

    id: str
    trajectory: str
    job: str
    seed: int
    params: dict[str, Any]
    outcome: str  # RunState.DONE or DIVERGED; a later release may have others
    epoch: int | None
    metrics: dict[str, float]
    facts: dict[str, Any] = field(default_factory=dict)
    history: dict[str, Array] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """How an attempt at a trajectory failed."""

    cause: str  # the name of a Cause, of this release or another
    message: str
    traceback: str
    generation: int
    run: str | None = None
    time: float = 0.0
    memory_gb: float | None = None  # the most that its process was seen to use
    logged: bool = True  # whether the attempt had come to log or to restore anything; earlier releases do not say

    @property
    def why(self) -> Why:
        """The cause, and what happened."""
        return Why(self.cause, self.message)


_KINDS: dict[str, Any] = {
    "trajectory": str, "job": str, "seed": int, "params": dict, "outcome": str, "epoch": (int, type(None)),
    "facts": dict, "metrics": dict, "arrays": dict,
}  # fmt: skip
_NOT_FINITE = ("nan", "inf", "-inf")
_FAILURE = {one.name for one in fields(Failure)}


def publish_result(folder: TrajectoryFolder, result: Result, generation: int) -> bool:
    """Publish `result`. The first wins: False if the run already has a result, which then stays as it is."""
    return publish_files(folder, files_of(result, folder, generation))


def publish_files(folder: TrajectoryFolder, files: Mapping[str, bytes]) -> bool:
    """Publish the files of a result, as `files_of` returns them. The first wins, as for `publish_result`."""
    (arrays, data), (record, text) = files.items()
    if folder.is_packed(folder.path / record):
        return False
    write_atomic(folder.path / arrays, data)
    won = publish(folder.path / record, text)
    if not won and _arrays_name(folder, record) != arrays:
        (folder.path / arrays).unlink(missing_ok=True)
    return won


def files_of(result: Result, folder: TrajectoryFolder, generation: int) -> dict[str, bytes]:
    """Return what is kept of a result, by name: first its arrays, then the record that makes the run done."""
    from hpcsweep.store.array_bytes import pack_arrays

    history = {f"{_HISTORY}{name}": column for name, column in result.history.items()}
    data = pack_arrays({**history, **result.arrays})
    arrays_path = folder.arrays(result.id, generation)
    record = {one.name: getattr(result, one.name) for one in fields(result) if one.name != "history"}
    record["format"] = FORMAT
    record["metrics"] = plain(result.metrics)
    record["arrays"] = {"file": arrays_path.name, "sha256": sha256_hex(data)}
    record["sha256"] = sha256_hex(canonical_json(record).encode())
    return {arrays_path.name: data, folder.result(result.id).name: (json.dumps(record) + "\n").encode()}


def read_result(folder: TrajectoryFolder, run_id: str, *, with_arrays: bool = True) -> Result:
    """Read a result; StoreError if the record or its arrays do not match their hashes.

    NewerFormatError if a later release wrote it.
    """
    path = folder.result(run_id)
    try:
        record = folder.record(path, FORMAT)
        said = record.pop("sha256", None)
        intact = said == sha256_hex(canonical_json(record).encode()) and _is_result(record, run_id)
    except NewerFormatError:
        raise
    except (StoreError, ValueError):
        intact = False
    if not intact:
        raise StoreError(f"{path}: damaged (its SHA-256 does not match); {_again(folder, path)}")
    arrays: dict[str, Array] = {}
    if with_arrays:
        arrays = _read_arrays(folder, record["arrays"], path)
    history = {name[len(_HISTORY) :]: a for name, a in arrays.items() if name.startswith(_HISTORY)}
    return Result(
        **{key: record[key] for key in ("id", "trajectory", "job", "seed", "params", "outcome", "epoch", "facts")},
        metrics=numbers_of(record["metrics"]),
        history=history,
        arrays={name: a for name, a in arrays.items() if not name.startswith(_HISTORY)},
    )


def _is_result(record: Mapping[str, Any], run_id: str) -> bool:
    """Whether a record has what every result has, in the right types."""
    if record.get("id") != run_id or not all(isinstance(record.get(name, ...), kind) for name, kind in _KINDS.items()):
        return False
    numbers = all(isinstance(value, (int, float)) or value in _NOT_FINITE for value in record["metrics"].values())
    file, digest = record["arrays"].get("file"), record["arrays"].get("sha256")
    return numbers and isinstance(digest, str) and isinstance(file, str) and ARRAYS.fullmatch(file) is not None


def write_failure(folder: TrajectoryFolder, failure: Failure) -> None:
    """Record how this generation failed."""
    record = {"format": FORMAT, **asdict(failure)}
    write_atomic(folder.failed(failure.generation), json.dumps(record, indent=1).encode())


def read_failure(folder: TrajectoryFolder, generation: int) -> Failure:
    """Read the failure of a generation; a record that cannot be read is a failure of unknown cause."""
    try:
        record = folder.record(folder.failed(generation))
        failure = Failure(**{name: record[name] for name in record if name in _FAILURE})
        if not all(isinstance(text, str) for text in (failure.cause, failure.message, failure.traceback)):
            raise TypeError("found no texts in it")
        return failure
    except (OSError, TypeError) as error:
        return Failure(Cause.UNREADABLE, f"the failure record cannot be read: {error}", "", generation)


def _read_arrays(folder: TrajectoryFolder, entry: Mapping[str, str], record_path: Path) -> dict[str, Array]:
    from hpcsweep.store.array_bytes import unpack_arrays

    path = folder.path / entry["file"]
    with suppress(FileNotFoundError, StoreError):
        data = folder.read(path)
        if sha256_hex(data) == entry["sha256"]:
            with suppress(ValueError):
                return unpack_arrays(data)
    raise StoreError(f"{path}: missing or damaged (its SHA-256 does not match); {_again(folder, record_path)}")


def _again(folder: TrajectoryFolder, record: Path) -> str:
    """Say how to be rid of a damaged result."""
    delete = f"delete the run's record and run the sweep again: {shell('rm', record)}"
    return f"it is in a pack; type: {to_type('pack', '--undo')}; then {delete}" if folder.is_packed(record) else delete


def _arrays_name(folder: TrajectoryFolder, record: str) -> str | None:
    try:
        return str(folder.record(folder.path / record)["arrays"]["file"])
    except (OSError, KeyError, TypeError):
        return None
