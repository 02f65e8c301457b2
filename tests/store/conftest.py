"""Fixtures of the store's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsweep.store.trajectory_folder import TrajectoryFolder
from tests.conftest import Study
from tests.store.every_kind import make_every_kind


@pytest.fixture(scope="session")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose store holds every kind of file; to be copied by whoever changes it."""
    return make_every_kind(tmp_path_factory.mktemp("every"))


@pytest.fixture
def folder(tmp_path: Path) -> TrajectoryFolder:
    """The folder of a trajectory, made."""
    path = tmp_path / "a name with spaces & ü" / ("0" * 64)
    path.mkdir(parents=True)
    return TrajectoryFolder(path)
