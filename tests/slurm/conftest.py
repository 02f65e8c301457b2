"""Fixtures of the SLURM tests: a cluster of our own for the session, or one clear reason why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.private_cluster import (
    Cluster,
    install_packages,
    missing_packages,
    own_cgroups,
    start_cluster,
    stop_cluster,
)
from tests.slurm.study import CUT_BODY, PROFILE, WAYS, SlurmStudy, cut_pace

IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def packages() -> None:
    """SLURM's programs; skips where they are missing, except with CI=true, where they are installed or it fails."""
    if missing_packages() and IN_CI and os.geteuid() == 0:
        install_packages()
    if missing := missing_packages():
        reason = f"no SLURM here: as root, type `make slurm-install` (missing: {missing})"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def cluster(packages: None) -> Iterator[Cluster]:
    """A running cluster with accounting, as most are."""
    running = start_cluster()
    try:
        yield running
    finally:
        stop_cluster(running)


@pytest.fixture(scope="session")
def rough(packages: None) -> Iterator[Cluster]:
    """A cluster of its own, to be broken: no accounting, no requeueing by default, memory limits by cgroups."""
    # the tests say when a node is lost: on a machine with too much to do SLURM must not think so by itself
    running = start_cluster(ACCT="0", EXTRA_CONF="JobRequeue=0", SLURMD_TIMEOUT="60", **own_cgroups())
    try:
        yield running
    finally:
        stop_cluster(running)


@pytest.fixture
def rough_study(rough: Cluster, tmp_path: Path) -> SlurmStudy:
    """A study on the rough cluster."""
    return SlurmStudy.create(tmp_path / "study", rough)


@pytest.fixture
def on_cluster(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster, with this process's environment pointing at it."""
    for name in [name for name in os.environ if name.startswith(("SLURM", "SBATCH"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    return cluster


@pytest.fixture(scope="session")
def study(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> SlurmStudy:
    """A study on the cluster, shared by the tests, so that what takes a minute can run beside the rest."""
    return SlurmStudy.create(tmp_path_factory.mktemp("study"), cluster)


@pytest.fixture(scope="session")
def cut_sweeps(study: SlurmStudy) -> dict[str, Path]:
    """A sweep for each way to go on after the wall time, submitted together; each needs two one-minute allocations.

    They have node dgx1 to themselves: other tests preempt workers and break nodes.
    """
    study.profile("cut", PROFILE + 'exclude = "dgx2"\nmail_user = "cy@example.org"\n')
    found = {}
    for way in WAYS:
        found[way] = study.sweep(f"cut-{way}", CUT_BODY.format(pace=cut_pace(way)), profile="cut")
        study.submit(found[way], "--continue", way, "--links", "3")
    return found
