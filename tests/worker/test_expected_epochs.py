"""How many epochs a worker expects to train of runs that share a program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpcsweep.store.manifest import Manifest, ManifestRun, ManifestTrajectory, WorkerSettings
from hpcsweep.worker.expected_epochs import EpochsAhead


def trajectory(seed: int, *epochs: int, **params: Any) -> ManifestTrajectory:
    """A trajectory with one run for each of `epochs`."""
    runs = tuple(ManifestRun(f"{seed}-{count}", {**params, "epochs": count}) for count in epochs)
    return ManifestTrajectory(str(seed), seed, params, runs)


def ahead(workers: int, trajectories: list[ManifestTrajectory], **settings: Any) -> EpochsAhead:
    """What each of `workers` may expect of a submission of these."""
    manifest = Manifest("sweep", "jobs/a.py:train", Path(), 60.0, 5.0, tuple(trajectories), WorkerSettings(**settings))
    return EpochsAhead(manifest, workers)


SEVERAL = [
    trajectory(0, 5, 10, neurons=8, rate=0.1),
    trajectory(1, 10, neurons=8, rate=0.2),
    trajectory(2, 10, neurons=8, rate=0.2),
    trajectory(0, 7, neurons=16, rate=0.1),
]


def test_a_worker_expects_its_share_of_the_runs_that_differ_in_seed_and_floats_only() -> None:
    """Trajectories alike but for seed and floats are counted by their longest runs, and shared among the workers."""
    assert [ahead(1, SEVERAL).of(each) for each in SEVERAL] == [30, 30, 30, 7]
    assert ahead(2, SEVERAL).of(SEVERAL[0]) == 15


def test_a_worker_expects_at_least_the_trajectory_itself() -> None:
    """However many workers share the work, a trajectory's own epochs are trained by one."""
    assert ahead(64, SEVERAL).of(SEVERAL[0]) == 10


def test_nothing_is_shared_between_processes_of_single_runs() -> None:
    """With isolation = "process" each run compiles for itself."""
    assert ahead(1, SEVERAL, isolation="process").of(SEVERAL[0]) == 10


@pytest.mark.parametrize("epochs", [None, 3])
def test_jobs_without_epochs_are_expected_to_take_none(epochs: int | None) -> None:
    """A job that takes no parameter `epochs` says nothing of what is ahead."""
    runs = (ManifestRun("a", {} if epochs is None else {"epochs": epochs}),)
    one = ManifestTrajectory("a", 0, {}, runs)
    assert ahead(1, [one]).of(one) == (epochs or 0)
