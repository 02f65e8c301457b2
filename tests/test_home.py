"""Home folders of clusters are full: libraries write elsewhere, unless the user has said where."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hpcsweep.home import FOLDERS, SWITCHES, spare_home


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of a node."""
    folder = tmp_path / "node"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_nothing_is_written_into_an_empty_home(tmp_path: Path, temporary: Path) -> None:
    """Matplotlib, which makes folders in the home when it is imported, makes none."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    spare_home(environment)
    code = "import matplotlib.pyplot, matplotlib; print(matplotlib.get_configdir())"
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip()).is_relative_to(temporary)
    assert not list(home.iterdir())


def test_what_the_user_has_stays_in_use(tmp_path: Path) -> None:
    """A folder that is there may hold settings and data, and a variable that is set was meant."""
    (tmp_path / ".keras").mkdir()
    environment = {"HOME": str(tmp_path), "MPLCONFIGDIR": "/mine", "MLFLOW_DISABLE_TELEMETRY": "false"}
    spare_home(environment)
    assert environment["MPLCONFIGDIR"] == "/mine"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "false"
    assert set(environment) == {"HOME", *FOLDERS, *SWITCHES} - {"KERAS_HOME"}


def test_what_a_login_node_has_set_is_set_anew_on_a_node(temporary: Path) -> None:
    """A submission hands its environment on, with a temporary folder that is another one on the node."""
    environment = {"HOME": "/nonexistent", "MPLCONFIGDIR": f"/scratch/login/hpcsweep-{os.geteuid()}/config-matplotlib"}
    spare_home(environment)
    assert Path(environment["MPLCONFIGDIR"]).is_relative_to(temporary)


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, temporary: Path) -> None:
    """Where the name in the temporary folder is a link, or others may write it, a new folder is made."""
    (tmp_path / "theirs").mkdir()
    (temporary / f"hpcsweep-{os.geteuid()}").symlink_to(tmp_path / "theirs")
    environment: dict[str, str] = {}
    spare_home(environment)
    assert Path(environment["KERAS_HOME"]).parent.parent == temporary
    assert Path(environment["KERAS_HOME"]).parent.name != f"hpcsweep-{os.geteuid()}"


def test_a_home_that_cannot_be_looked_into_counts_as_empty(temporary: Path) -> None:
    """As that of somebody else, which `su` without `-` leaves in HOME: workers start all the same."""
    environment = {"HOME": "/" + 5000 * "x"}  # to look into it is an error for root, too
    spare_home(environment)
    assert all(Path(environment[variable]).is_relative_to(temporary) for variable in FOLDERS)
