"""The test cluster itself."""

from __future__ import annotations

from tests.slurm.private_cluster import Cluster


def test_cluster_is_up_and_bringing_it_up_again_changes_nothing(cluster: Cluster) -> None:
    """A second `up` leaves the daemons that run alone."""
    pid_file = cluster.folder / "run" / "slurmctld.pid"
    before = pid_file.read_text()
    cluster.control("up")
    assert pid_file.read_text() == before
    assert cluster.ask("sinfo", "-h", "-N", "-p", "dgx", "-o", "%N").split() == ["dgx1", "dgx2"]


def test_cluster_numbers_gpus_for_each_job(cluster: Cluster) -> None:
    """A job sees the GPUs it was given, numbered as on a real node."""
    assert cluster.ask("srun", "--gpus=2", "-t", "1", "printenv", "CUDA_VISIBLE_DEVICES") == "0,1"


def test_cluster_keeps_accounts(cluster: Cluster) -> None:
    """The accounting database answers and knows the student's limits."""
    row = cluster.ask("sacctmgr", "-n", "-P", "show", "qos", "interactive", "format=maxwall,maxjobspu,maxsubmitpu")
    assert row == "1-00:00:00|4|12"
