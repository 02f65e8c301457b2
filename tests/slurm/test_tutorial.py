"""The tutorial's page about clusters, followed on one."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import REPOSITORY
from tests.docs.session import Session
from tests.slurm.private_cluster import Cluster


def test_the_tutorial_works_on_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """A reader who writes the files of the page and types its commands on a login node sees what it shows."""
    Session(tmp_path, cluster.environment).follow(REPOSITORY / "docs" / "tutorial" / "on-a-cluster.md")
