"""What the store keeps of a run that ended: its result, or how its attempt failed. Reading verifies the hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from hpcsweep.errors import StoreError, shell
from hpcsweep.files import canonical_json, numbers_of, plain, publish, sha256_hex, write_atomic
from hpcsweep.store.causes import Cause, Why
from hpcsweep.store.layout import TrajectoryFolder

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

    @property
    def why(self) -> Why:
        """The cause, and what happened."""
        return Why(self.cause, self.message)


_FAILURE = {one.name for one in fields(Failure)}


def publish_result(folder: TrajectoryFolder, result: Result, generation: int) -> bool:
    """Publish `result`. The first wins: False if the run already has a result, which then stays as it is."""
    from hpcsweep.store.array_bytes import pack_arrays

    history = {f"{_HISTORY}{name}": column for name, column in result.history.items()}
    data = pack_arrays({**history, **result.arrays})
    arrays_path = folder.arrays(result.id, generation)
    write_atomic(arrays_path, data)
    record = asdict(replace(result, history={}, arrays={}))
    del record["history"]
    record["format"] = FORMAT
    record["metrics"] = plain(result.metrics)
    record["arrays"] = {"file": arrays_path.name, "sha256": sha256_hex(data)}
    record["sha256"] = sha256_hex(canonical_json(record).encode())
    won = publish(folder.result(result.id), (json.dumps(record, indent=1) + "\n").encode())
    if not won and _arrays_name(folder, result.id) != arrays_path.name:
        arrays_path.unlink(missing_ok=True)
    return won


def read_result(folder: TrajectoryFolder, run_id: str, *, with_arrays: bool = True) -> Result:
    """Read a result; StoreError if the record or its arrays do not match their hashes."""
    path = folder.result(run_id)
    try:
        record = json.loads(path.read_bytes())
        said = record.pop("sha256")
        intact = said == sha256_hex(canonical_json(record).encode()) and record["id"] == run_id
    except (ValueError, KeyError, TypeError, AttributeError):
        intact = False
    if not intact:
        raise StoreError(
            f"{path}: damaged (its SHA-256 does not match); delete it and run the sweep again: {shell('rm', path)}"
        )
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


def write_failure(folder: TrajectoryFolder, failure: Failure) -> None:
    """Record how this generation failed."""
    write_atomic(folder.failed(failure.generation), json.dumps(asdict(failure), indent=1).encode())


def read_failure(folder: TrajectoryFolder, generation: int) -> Failure:
    """Read the failure of a generation; a record that cannot be read is a failure of unknown cause."""
    try:
        record = json.loads(folder.failed(generation).read_bytes())
        return Failure(**{name: record[name] for name in record if name in _FAILURE})
    except (OSError, ValueError, TypeError) as error:
        return Failure(Cause.UNREADABLE, f"the failure record cannot be read: {error}", "", generation)


def _read_arrays(folder: TrajectoryFolder, entry: Mapping[str, str], record_path: Any) -> dict[str, Array]:
    from hpcsweep.store.array_bytes import unpack_arrays

    path = folder.path / entry["file"]
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    if sha256_hex(data) != entry["sha256"]:
        raise StoreError(
            f"{path}: missing or damaged (its SHA-256 does not match); delete the run's record and run the sweep "
            f"again: {shell('rm', record_path)}"
        )
    return unpack_arrays(data)


def _arrays_name(folder: TrajectoryFolder, run_id: str) -> str | None:
    try:
        return str(json.loads(folder.result(run_id).read_bytes())["arrays"]["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
