"""The tutorial's pages about clusters, followed on one."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.session import Session
from tests.slurm.private_cluster import Cluster, start_cluster, stop_cluster

TUTORIAL = REPOSITORY / "docs" / "tutorial"
# as the real one: options, an image, the command; in the image there is another Python
SINGULARITY = """\
#!/bin/sh
while case "$1" in *.sif) false;; esac; do shift; done
shift
PATH={python}:$PATH exec "$@"
"""


@pytest.fixture
def like_rosie(packages: None) -> Iterator[Cluster]:
    """A cluster with T4 nodes and a student's limits: 4 running jobs, a day each, 12 in the queue."""
    running = start_cluster(GPU_TYPE="t4")
    try:
        who = f"name={getpass.getuser()}"
        running.ask("sacctmgr", "-i", "modify", "user", who, "set", "qos=interactive", "defaultqos=interactive")
        yield running
    finally:
        stop_cluster(running)


def test_the_tutorial_works_on_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """A reader who writes the files of the page and types its commands on a login node sees what it shows."""
    Session(tmp_path, cluster.environment).follow(TUTORIAL / "on-a-cluster.md")


def test_a_student_gets_from_an_empty_folder_to_a_table(like_rosie: Cluster, tmp_path: Path) -> None:
    """Every command of the first hour on Rosie shows what the page shows, under a student's limits, in an image."""
    data, bin_folder = tmp_path / "data", tmp_path / "bin"
    (data / "containers").mkdir(parents=True)
    (data / "containers" / "msoe-tensorflow-25.02-tf2-py3.sif").touch()
    bin_folder.mkdir()
    (bin_folder / "singularity").write_text(SINGULARITY.format(python=Path(sys.executable).parent))
    (bin_folder / "singularity").chmod(0o755)
    page = tmp_path / "page.md"
    page.write_text((TUTORIAL / "first-hour-on-rosie.md").read_text().replace("/data/containers", f"{data}/containers"))
    path = {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
    Session(tmp_path, like_rosie.environment | path).follow(page)
