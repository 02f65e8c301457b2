"""Keras 2, as images of yesterday have it: the job's own affair, but for its seeds; nothing for `fit`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY, Study

TENSORFLOW = """
class random:
    seeds = []
    set_seed = seeds.append
"""
OWN = """
def train(run, *, a: int = 0):
    import tensorflow
    return {"seed": tensorflow.random.seeds[-1]}
"""


def old_keras(folder: Path, version: str = "2.15.0") -> dict[str, str]:
    """Make a folder in which an old Keras seems to be installed; return the environment that finds it first."""
    installed = folder / f"keras-{version}.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: keras\nVersion: {version}\n")
    (folder / "tensorflow.py").write_text(TENSORFLOW)
    return {"PYTHONPATH": f"{folder}:{REPOSITORY}"}


def refusal(**environment: str) -> str:
    """Return what an import of hpcsweep.training says."""
    code = "from hpcsweep.errors import MissingPackageError\ntry: import hpcsweep.training\n"
    code += "except MissingPackageError as error: print(error)"
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return said.stdout


def test_fit_refuses_an_old_keras_on_jax_in_one_line(tmp_path: Path) -> None:
    """On JAX the oldest Keras is a newer one than on TensorFlow."""
    assert refusal(**old_keras(tmp_path, "3.10.0"), KERAS_BACKEND="jax") == (
        "Keras 3.10.0 with JAX is installed here, expected Keras 3.12 or newer for `fit` on JAX "
        '(type: pip install "keras>=3.12"), or KERAS_BACKEND=tensorflow\n'
    )


def test_fit_refuses_keras_2_in_one_line(tmp_path: Path) -> None:
    """What it found, what it needs and what runs all the same is said before anything of Keras is imported."""
    assert refusal(**old_keras(tmp_path / "site-packages")) == (
        "Keras 2.15.0 is installed here, expected 3.3 or newer (TensorFlow 2.16) for `fit`; a job that calls its own "
        "`model.fit` and imports nothing of hpcsweep.training runs with it\n"
    )


def test_a_job_that_trains_by_itself_is_seeded_with_keras_2(study: Study) -> None:
    """TensorFlow's generators are seeded with the run's seed before the job is called."""
    study.job("job", OWN)
    path = study.sweep("s", 'name = "s"\njob = "jobs/job.py:train"\nseeds = [7, 8]\n')
    ended = study.run("run", path, env=old_keras(study.root.parent / "site-packages"))
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(study.run("table", path, "--rows", "seed", "--value", "seed", "--json").stdout)
    assert [row["mean"] for row in rows] == [7.0, 8.0]
