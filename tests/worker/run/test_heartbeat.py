"""The heartbeat of a claim: what it leaves behind for those who ask how far a run was when its worker died."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpcsweep.store.claims import describe_owner, try_claim
from hpcsweep.store.reader import read_record
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from hpcsweep.worker.run.heartbeat import FIRST_S, Heartbeat


class Growing:
    """A run that uses more and more memory."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def progress(self) -> dict[str, Any]:
        self.asked.append(time.monotonic())
        return {"memory_gb": len(self.asked)}


def test_who_dies_before_a_whole_interval_has_left_a_record(
    tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    """With a minute between beats, the first comes after a second, and each pause is twice as long as the last."""
    folder = TrajectoryFolder(tmp_path)
    claim = try_claim(folder, describe_owner("7_1"), 60.0)
    assert claim is not None
    run, began = Growing(), time.monotonic()
    with Heartbeat(claim, 60.0, 180.0) as heartbeat:
        heartbeat.reporter = run
        wait_until(lambda: folder.progress.exists())
        assert read_record(folder.progress)["memory_gb"] == 1
        wait_until(lambda: len(run.asked) == 2)
    assert run.asked[0] - began >= FIRST_S
    assert run.asked[1] - run.asked[0] >= 2 * FIRST_S
