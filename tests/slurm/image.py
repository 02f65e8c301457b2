"""A container image for the tests: Debian 11, whose Python is 3.9, with Keras 3.5 beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PROGRAMS = {"debootstrap": "debootstrap", "ch-run": "charliecloud"}
PACKAGES = ("keras==3.5.0", "tensorflow-cpu==2.17.1", "numpy==1.26.4")
IN_IMAGE = "/opt/python"
"""Where the packages lie in the image: for PYTHONPATH."""


def require_programs(*, in_ci: bool) -> None:
    """Skip, or fail in CI, where an image cannot be made or run."""
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    reason = f"no container can be made here (Debian: {' '.join(missing)})" if missing else ""
    if os.geteuid() != 0:
        reason = "only root can make a container's image"
    if reason and in_ci:
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def make_image(folder: Path) -> Path:
    """Make the image, a folder, as debootstrap and pip make it; return it."""
    root = folder / "debian-11"
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=python3-minimal,python3-distutils", "bullseye", root],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    uv = REPOSITORY / ".venv" / "bin" / "uv"
    where = ["--target", f"{root}{IN_IMAGE}", "--python-version", "3.9", "--python-platform", "x86_64-manylinux_2_28"]
    subprocess.run([uv, "pip", "install", "-q", *where, *PACKAGES], check=True)
    return root
