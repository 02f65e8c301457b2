"""Fixtures of the store's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsweep.store.trajectory_folder import TrajectoryFolder


@pytest.fixture
def folder(tmp_path: Path) -> TrajectoryFolder:
    """The folder of a trajectory, made."""
    path = tmp_path / "a name with spaces & ü" / ("0" * 64)
    path.mkdir(parents=True)
    return TrajectoryFolder(path)
