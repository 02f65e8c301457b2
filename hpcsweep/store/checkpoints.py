"""The checkpoints of one trajectory: each holds a whole state, and the two newest are kept while it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.files import write_atomic
from hpcsweep.store.trajectory_folder import CHECKPOINT, TrajectoryFolder

KEPT = 2


@dataclass(frozen=True, order=True)
class CheckpointName:
    """Order of age: a later claim's checkpoint is newer than any of an earlier claim, whatever the clock says."""

    generation: int
    number: int
    epoch: int


def list_checkpoints(names: list[str]) -> list[CheckpointName]:
    """Return the checkpoints among a folder's `names`, oldest first."""
    matches = (CHECKPOINT.fullmatch(name) for name in names)
    return sorted(CheckpointName(*map(int, match.groups())) for match in matches if match)


def write_checkpoint(folder: TrajectoryFolder, generation: int, epoch: int, state: Any) -> None:
    """Add a checkpoint of `state`; keep the two newest and the furthest, and remove the others up to this generation.

    The furthest is not the newest if a shorter run is asked for after a longer one.
    """
    from hpcsweep.store.array_bytes import pack_state

    known = list_checkpoints(folder.names())
    own = [checkpoint.number for checkpoint in known if checkpoint.generation == generation]
    new = CheckpointName(generation, max(own, default=0) + 1, epoch)
    write_atomic(_path(folder, new), pack_state(state, generation=generation, epoch=epoch))
    older = sorted(checkpoint for checkpoint in known if checkpoint < new)
    furthest = max(older, key=lambda checkpoint: checkpoint.epoch, default=new)
    for old in older[: -(KEPT - 1)]:
        if old is not furthest or old.epoch <= epoch:
            _path(folder, old).unlink(missing_ok=True)


def drop_checkpoints(folder: TrajectoryFolder, generation: int, epochs: int | None, *, keeps_last: bool) -> None:
    """Remove what nobody needs of a trajectory whose runs have results up to `epochs`, None if it can go no further.

    A checkpoint beyond `epochs` is of a longer run that is not finished, and one of a later claim is of whoever has the
    trajectory now: these stay. With `keeps_last`, so does the newest, for longer runs to go on from, and the furthest,
    which is another one if a shorter run was asked for after a longer one.
    """
    known = list_checkpoints(folder.names())
    last = {*known[-1:], *sorted(known, key=lambda one: (one.epoch, one))[-1:]} if keeps_last else set()
    for one in known:
        if one.generation <= generation and (epochs is None or one.epoch <= epochs) and one not in last:
            _path(folder, one).unlink(missing_ok=True)


def has_checkpoint(folder: TrajectoryFolder, max_epoch: int | None = None) -> bool:
    """Whether there is a checkpoint that is not beyond `max_epoch`."""
    return any(max_epoch is None or one.epoch <= max_epoch for one in list_checkpoints(folder.names()))


def read_newest_checkpoint(folder: TrajectoryFolder, max_epoch: int | None = None) -> tuple[Any, list[str]]:
    """Return (state of the newest intact checkpoint or None, one warning for each damaged one passed over).

    Checkpoints beyond `max_epoch` belong to longer runs of the trajectory and are ignored.
    """
    from hpcsweep.store.array_bytes import unpack_state

    warnings: list[str] = []
    for checkpoint in reversed(list_checkpoints(folder.names())):
        if max_epoch is not None and checkpoint.epoch > max_epoch:
            continue
        path = _path(folder, checkpoint)
        try:
            return unpack_state(folder.read(path)), warnings
        except FileNotFoundError:
            continue
        except StoreError as error:
            warnings.append(f"{path.name}: {error}")
    return None, warnings


def _path(folder: TrajectoryFolder, checkpoint: CheckpointName) -> Path:
    return folder.checkpoint(checkpoint.generation, checkpoint.number, checkpoint.epoch)
