"""Folders with names that people give them: percent signs, spaces, quotes, dollars, letters of any alphabet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slurm.private_cluster import Cluster
from tests.slurm.study import SlurmStudy

BODY = "[fixed]\npace = 0.01\nepochs = 3\nsize = 2\n[resources]\ntime = 1\nworkers = 1\n"


@pytest.mark.parametrize("name", ["my study's $x 50% done", "100%% `id` ünïcode 中"])
def test_workers_of_a_folder_with_an_odd_name_train_and_keep_their_logs(
    cluster: Cluster, tmp_path: Path, name: str
) -> None:
    """Runs are done, logs lie beside the other files of the worker, and nothing is written to a home folder, although
    that is read-only or not there.
    """
    study, home = SlurmStudy.create(tmp_path / name, cluster), tmp_path / "no home"
    (study.root / "jobs").chmod(0o555)
    sweep = study.sweep("odd", BODY)
    study.run("submit", Path("sweeps/odd.toml"), HOME=str(home))
    cluster.wait_until(lambda: study.states(sweep) == ["done"])
    (workers,) = (study.store / "sweeps" / "odd").glob("*/workers")
    (log,) = workers.glob("*_0_log.out")
    assert "hpcsweep: trajectory" in log.read_text()
    assert not home.exists()


def test_a_pattern_of_submitit_in_the_path_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """A folder in whose name submitit would put numbers is refused in one line, before anything is written."""
    study = SlurmStudy.create(tmp_path / "50%test", cluster)
    said = study.run("submit", study.sweep("odd", BODY), code=2)
    assert 'found "%t" in the path of the store' in said.splitlines()[-1]
    assert not study.store.exists()
