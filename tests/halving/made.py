"""Settings of a made-up job, and results of theirs, without any training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcsweep.store import Result, Store
from hpcsweep.store.results import publish_result
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import Run, Trajectory, group_trajectories, run_id, trajectory_id


def trajectories(count: int, rungs: Sequence[int]) -> list[Trajectory]:
    """Return so many settings of one seed, each with a run per rung."""
    return group_trajectories([_run(width, end) for width in range(count) for end in rungs])


def _run(width: int, end: int) -> Run:
    ids = run_id("j", 0, {"width": width, "epochs": end}), trajectory_id("j", 0, {"width": width})
    return Run(*ids, 0, ("width", "epochs"), (width, end))


def publish(store: Store, run: Run, losses: Sequence[float], outcome: str = RunState.DONE, **arrays: Any) -> None:
    """Put the result of a run into the store."""
    folder = store.folder(run.trajectory)
    folder.path.mkdir(parents=True, exist_ok=True)
    history = {"epoch": np.arange(len(losses)), "loss": np.array(losses)}
    metrics = {"loss": float(losses[-1])}
    result = Result(run.id, run.trajectory, "j", 0, run.params, outcome, 1, metrics, history=history, arrays=arrays)
    publish_result(folder, result, 1)
