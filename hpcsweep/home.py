"""What libraries would write into the home folder goes to the temporary folder: homes of clusters are full."""

from __future__ import annotations

import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

OWN = "hpcsweep-"  # the beginning of our folders in the temporary one
# by the variable that moves it, what a library makes in the home folder, and its name in the temporary one
FOLDERS = {
    "KERAS_HOME": ".keras",
    "MPLCONFIGDIR": ".config/matplotlib",
    "CUDA_CACHE_PATH": ".nv",
    "TRITON_CACHE_DIR": ".triton",
}
SWITCHES = {"MLFLOW_DISABLE_TELEMETRY": "true"}  # which keeps a number for each user in .config/mlflow


def spare_home(environment: MutableMapping[str, str]) -> None:
    """Set the variables in an environment that keep libraries from making folders in the home folder.

    What the user has set, or has there already, stays in use: it may hold settings and data. What was set so on a
    login node is set anew on a compute node, whose temporary folder is another one.
    """
    for switch, value in SWITCHES.items():
        environment.setdefault(switch, value)
    home = Path(environment.get("HOME") or "/nonexistent")
    there: Path | None = None
    for variable, name in FOLDERS.items():
        is_free = variable not in environment or Path(environment[variable]).parent.name.startswith(OWN)
        if is_free and not os.access(home / name, os.F_OK):  # False, too, where nobody may look
            there = there or _own_folder()
            environment[variable] = str(there / name.replace("/", "-").lstrip("."))


def _own_folder() -> Path:
    """Return this user's folder on the node; a new one if the name is taken by somebody else."""
    path = Path(tempfile.gettempdir()) / f"{OWN}{os.geteuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix=OWN))
    is_own = path.is_dir() and not path.is_symlink() and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return path if is_own else Path(tempfile.mkdtemp(prefix=OWN))
