"""Jobs that the release before has queued run to their end on a real cluster."""

from __future__ import annotations

from pathlib import Path

from tests.scheduler.release_before import Before
from tests.slurm.private_cluster import Cluster


def test_queued_jobs_of_the_release_before_run(on_cluster: Cluster, tmp_path: Path) -> None:
    """Its batch script and pickles, as they lay in the queue, train all that its manifest names."""
    before = Before.unpack(tmp_path / "study")
    array = on_cluster.ask("sbatch", "--parsable", "--hold", str(before.script))
    for task in ("0", "1"):
        before.put_pickle(f"1_{task}_submitted.pkl", f"{array}_{task}")
    on_cluster.ask("scontrol", "release", array)
    on_cluster.wait_until(lambda: not on_cluster.living(array), 120)
    assert before.states() == ["done"] * 4
    exits = [path.read_text().count('"event":"exit","code":0') for path in before.submission.workers.glob("*.events")]
    assert exits == [1, 1]
