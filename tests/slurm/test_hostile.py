"""A worker on a cluster that no job can bring down: what holds on one machine holds in an allocation."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.slurm.private_cluster import Cluster
from tests.slurm.study import PROFILE, SlurmStudy
from tests.worker import test_hostile_jobs as functions
from tests.worker.command import test_hostile_commands as commands
from tests.worker.hostile.judging import require_named, require_others_done

SUITES: dict[str, tuple[str, str, Mapping[str, str | None]]] = {
    "function": (functions.JOB.read_text(), 'name = "s"\njob = "jobs/hostile.py:train"\n', functions.KINDS),
    "command": (commands.PROGRAM.read_text(), commands.FILE.replace("program.py", "hostile.py"), commands.KINDS),
}


@pytest.mark.parametrize("suite", SUITES)
def test_hostile_jobs_on_a_cluster(cluster: Cluster, tmp_path: Path, suite: str) -> None:
    """All good runs between the hostile ones are done, and each hostile one is named, function or command."""
    study = SlurmStudy.create(tmp_path / "study", cluster)
    study.profile("roomy", PROFILE.replace("mem_gb = 0.3", "mem_gb = 1"))
    job, head, kinds = SUITES[suite]
    (study.root / "jobs" / "hostile.py").write_text(job)
    (study.root / "jobs" / "data.txt").touch()
    name, rest = head.split("\n", 1)
    cases = [
        f'[[case]]\nkind = "{kind}"\nturn = 0\n[[case]]\nkind = "good"\nturn = {turn}'
        for turn, kind in enumerate(kinds)
    ]
    path = study.root / "sweeps" / "s.toml"
    path.write_text("\n".join([name, 'profile = "roomy"', rest, *cases, "[resources]", "workers = 1", "time = 20"]))
    array = study.submit(path)
    cluster.wait_until(lambda: not cluster.living(array), 500)
    rows = study.status(path)["runs"]
    for kind, cause in kinds.items():
        require_named(rows, kind, cause)
    require_others_done(rows, subprocess.CompletedProcess(path, 1, "", study.run("table", path, code=None)), kinds)
