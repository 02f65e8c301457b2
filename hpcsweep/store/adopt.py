"""Taking a result into a trajectory of this store, under a claim of its own, so that it hides no attempt's work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json, publish, write_atomic
from hpcsweep.store.checkpoints import list_checkpoints
from hpcsweep.store.claims import describe_owner, try_claim
from hpcsweep.store.made_by import Made, made_by_generation
from hpcsweep.store.results import Result, publish_result
from hpcsweep.store.store import Store
from hpcsweep.store.trajectory_folder import ARRAYS, TrajectoryFolder
from hpcsweep.sweep.runs import short_id

OWNER = "taken over"  # what a claim says of its worker, where no worker trained


def adopt(
    store: Store,
    result: Result,
    trajectory_params: Mapping[str, Any],
    made: Made | None,
    checkpoints: TrajectoryFolder | None = None,
) -> bool:
    """Publish `result` in `store`; False if it is there already.

    `checkpoints` is the folder of another trajectory whose newest checkpoint goes with it. `made` is by which code and
    data it was made, None if that is not known. Raises StoreError if the trajectory is being trained now.
    """
    folder = store.folder(result.trajectory)
    if folder.has(folder.result(result.id)):
        return False
    claim = try_claim(folder, describe_owner(OWNER), store.lease_s)
    if claim is None:
        raise StoreError(
            f"trajectory {short_id(result.trajectory)} is being trained now; expected nobody at work on it"
        )
    try:
        if checkpoints is not None:
            _copy_checkpoint(checkpoints, folder, claim.generation)
        meaning = {"format": 1, "job": result.job, "params": trajectory_params, "seed": result.seed}
        publish(folder.meaning, (canonical_json(meaning) + "\n").encode())
        if made is not None:
            folder.made(claim.generation, made.code, made.data).touch()
        return publish_result(folder, result, claim.generation)
    finally:
        claim.give_back()


def made_of(folder: TrajectoryFolder, run_id: str) -> Made | None:
    """Return by which code and data a run of a trajectory was made, None if that is not known."""
    names = folder.names()
    generations = {int(match[2]) for name in names if (match := ARRAYS.fullmatch(name)) and match[1] == run_id}
    made = made_by_generation(names)
    return made.get(max(generations, default=0))


def _copy_checkpoint(source: TrajectoryFolder, target: TrajectoryFolder, generation: int) -> None:
    found = list_checkpoints(source.names())
    if found:
        newest = found[-1]
        path = Path(source.checkpoint(newest.generation, newest.number, newest.epoch))
        write_atomic(target.checkpoint(generation, 1, newest.epoch), source.read(path))
