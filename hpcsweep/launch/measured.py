"""What runs of a job have cost: those that are finished or in training in a store, and those that `try` has tried."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.files import sha256_hex, write_atomic
from hpcsweep.launch.cost import Costs, Measurement
from hpcsweep.metrics import SECONDS
from hpcsweep.store import Result, Store
from hpcsweep.store.reader import read_record
from hpcsweep.store.results import read_result
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import Trajectory, epochs_of

MOST_READ = 200
MOST_RUNNING = 20
BEGINS_ANEW = "begins anew"


def costs_of(job: str, store: Store, trajectories: Iterable[Trajectory] = (), *, has_gpu: bool = False) -> Costs:
    """Return what runs of a job have cost, as far as the store knows; `trajectories` are those that may be trained now.

    What was tried counts only until runs are finished. A run that does not say where it was trained is taken to have
    had a GPU if those to come have one, `has_gpu`.
    """
    found = [*_finished(job, store), *_running(store, trajectories)] or list(_tried(job, store))
    return Costs([replace(one, has_gpu=has_gpu) if one.has_gpu is None else one for one in found])


def measurement_of(result: Result, *, keeps: bool | None = None) -> Measurement:
    """Return what a finished run has cost. Members of a stack are trained together, and share the time."""
    facts, work = result.facts, worked(result.params, result.epoch)
    members = max(int(facts.get("stack_members") or 1), 1)
    time_s, epoch_s = float(facts["time_s"]) / members, facts.get("epoch_s")
    per_epoch_s = time_s / work if epoch_s is None or work == 1 else float(epoch_s) / members
    if keeps is None and "resume" in facts:
        keeps = facts["resume"] != BEGINS_ANEW
    has_gpu = facts.get("device") != "cpu" if "engine" in facts else None  # only `fit` says where it trained
    return Measurement(result.params, per_epoch_s, max(time_s - work * per_epoch_s, 0.0), has_gpu, keeps)


def worked(params: Mapping[str, Any], epoch: int | None) -> int:
    """Return how many epochs a run has had that was trained to `epoch`, by default to its end; 1 if it takes none."""
    asked = epochs_of(params)
    return max(asked if epoch is None else epoch, 1) if asked else 1


def keep_tried(job: str, store: Store, tried: Iterable[tuple[Result, bool | None]]) -> None:
    """Keep what tried runs have cost, and whether they keep checkpoints, in place of what was tried before.

    A store that cannot be written is left alone: what is tried is for people to read, too.
    """
    rows = [vars(measurement_of(result, keeps=keeps)) for result, keeps in tried]
    path = store.layout.tried(sha256_hex(job.encode()))
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"format": 1, "job": job, "measured": rows}).encode())


def _tried(job: str, store: Store) -> Iterator[Measurement]:
    with suppress(OSError, StoreError, KeyError, TypeError):
        for row in read_record(store.layout.tried(sha256_hex(job.encode())))["measured"]:
            yield Measurement(**row)


def _finished(job: str, store: Store) -> Iterator[Measurement]:
    ids = store.result_ids()
    for trajectory_id, run_id in ids[:: max(1, len(ids) // MOST_READ)]:
        with suppress(StoreError, OSError, KeyError, TypeError, ValueError):
            result = read_result(store.folder(trajectory_id), run_id, with_arrays=False)
            if result.job == job and result.outcome == RunState.DONE:
                yield measurement_of(result)


def _running(store: Store, trajectories: Iterable[Trajectory]) -> Iterator[Measurement]:
    """Yield what runs in training show; their first epoch does not count, as it holds what comes once."""
    left = MOST_RUNNING
    there = store.layout.trajectory_ids()
    for trajectory in trajectories:
        if left and trajectory.id in there and epochs_of(trajectory.runs[-1].params):
            progress = store.progress(trajectory.id) or {}
            seconds = progress.get("metrics", {}).get(SECONDS)
            if seconds and progress.get("epoch", 0) >= 2:
                left -= 1
                yield Measurement(trajectory.runs[-1].params, float(seconds))
