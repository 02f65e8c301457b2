"""Time that is running out: when a worker stops, and what it does not begin."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from hpcsweep.store.claims import Life
from hpcsweep.store.states import StoredTrajectory
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from hpcsweep.worker.pace import Pace, record_cut
from hpcsweep.worker.stop_request import Stop


def _seen(folder: TrajectoryFolder, generation: int = 1, progress: int = 0) -> StoredTrajectory:
    return StoredTrajectory(folder, frozenset(), generation, 0, progress, (), Life.DEAD)


def test_a_worker_that_looks_seldom_stops_earlier() -> None:
    """The time between two looks is added to the margin, up to a quarter of the whole time."""
    assert first_stop(looks=[0, 29, 31, 33]) == 31  # 29 s between two looks count as 15 s, a quarter of 60
    assert first_stop(looks=range(60)) == 44  # 1 s between two looks


def first_stop(looks: Iterable[float]) -> float:
    """Return the look at which a worker of 60 s, of which 15 s are its margin, is told to stop."""
    now = [0.0]
    stop = Stop(60, 15, clock=lambda: now[0])
    for now[0] in looks:
        if stop.requested:
            return now[0]
    raise AssertionError("never told to stop")


def test_slurms_early_warning_does_not_cost_the_rest_of_the_time() -> None:
    """SIGUSR2 near the known end is a warning only; far from it, or SIGTERM at any time, it means stop."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR2, signal.SIGINT)}
    others = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGHUP)}
    try:
        near, far = Stop(time.monotonic() + 50, 5, 80), Stop(time.monotonic() + 500, 5, 80)
        for stop, meant in ((near, False), (far, True)):
            stop.listen()
            os.kill(os.getpid(), signal.SIGUSR2)
            assert stop.requested is meant
        near.listen()
        os.kill(os.getpid(), signal.SIGTERM)
        assert near.requested
    finally:
        for number, handler in (before | others).items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("had_s", "left_s", "allowed", "counted"),
    [(0, 100, True, (0, 0)), (50, 100, True, (0, 0)), (99, 100, False, (0, 1)), (50, 40, False, (1, 0))],
)
def test_what_did_not_reach_a_checkpoint_is_given_more_time(
    tmp_path: Path, had_s: float, left_s: float, allowed: bool, counted: tuple[int, int]
) -> None:
    """A trajectory that was cut without a checkpoint needs more time than it had: now, or in a longer allocation."""
    folder = TrajectoryFolder(tmp_path)
    if had_s:
        record_cut(folder, 1, had_s)
    stop = Stop(time.monotonic() + 100)
    pace = Pace(stop)
    stop.ends = time.monotonic() + left_s
    assert pace.allows(_seen(folder)) is allowed
    assert (pace.later, pace.too_short) == counted


def test_a_checkpoint_since_makes_an_old_cut_void(tmp_path: Path) -> None:
    """Only cuts after the newest checkpoint count."""
    folder = TrajectoryFolder(tmp_path)
    record_cut(folder, 1, 1000)
    assert Pace(Stop(time.monotonic() + 100)).allows(_seen(folder, generation=2, progress=2))


def test_nothing_is_begun_that_took_longer_elsewhere(tmp_path: Path) -> None:
    """Near the end, a run is left to the next allocation if others took longer to their first checkpoint."""
    stop = Stop(time.monotonic() + 1000)
    pace = Pace(stop)
    pace.learn(60)
    assert pace.allows(_seen(TrajectoryFolder(tmp_path), generation=0))
    stop.ends = time.monotonic() + 50
    assert not pace.allows(_seen(TrajectoryFolder(tmp_path), generation=0))
    assert pace.later == 1
    assert Pace(Stop()).allows(_seen(TrajectoryFolder(tmp_path), generation=0))
