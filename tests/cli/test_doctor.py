"""`hpcsweep doctor` on this machine: which backends of Keras can be used here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import COMMAND, REPOSITORY, Study

NOT_INSTALLED = "raise ModuleNotFoundError('hidden', name='{0}')\n"


def doctor(study: Study, *hidden: str) -> subprocess.CompletedProcess[str]:
    """Ask doctor, with some packages as good as not installed."""
    stubs = study.root / "stubs"
    for name in hidden:
        (stubs / name).mkdir(parents=True)
        (stubs / name / "__init__.py").write_text(NOT_INSTALLED.format(name))
    paths = os.pathsep.join([str(stubs), str(REPOSITORY)])
    return subprocess.run(
        [*COMMAND, "doctor"],
        cwd=study.root,
        env={**study.environment(), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_doctor_names_the_backends_that_can_be_imported(study: Study) -> None:
    """Each backend of Keras that is there is named with the GPUs that it sees."""
    told = doctor(study).stdout
    for backend in ("TensorFlow", "JAX"):
        assert f"{backend} sees " in told
    assert "jax 0" in told


def test_one_backend_is_enough(study: Study) -> None:
    """Without TensorFlow, Keras is looked at on JAX, and nothing is said to be missing."""
    ended = doctor(study, "tensorflow")
    assert ended.returncode == 0, ended.stdout
    assert "JAX sees " in ended.stdout
    assert "install" not in ended.stdout.replace("not installed", "")
    assert "TensorFlow sees" not in ended.stdout


def test_no_backend_is_told(study: Study) -> None:
    """Without any backend, each is named with what to do: Keras jobs cannot be trained here."""
    told = doctor(study, "tensorflow", "jax").stdout
    assert "tensorflow is missing (not installed); install tensorflow there" in told
    assert "jax is missing (not installed); install jax there" in told


def test_packages_that_are_compiled_at_every_start_are_named(study: Study, tmp_path: Path) -> None:
    """Where Python finds no compiled modules and may not keep any, doctor says what to type."""
    environment = {**study.environment(), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    told = subprocess.run([*COMMAND, "doctor"], cwd=study.root, env=environment, capture_output=True, text=True)
    assert "warning  here: Python compiles Keras again at every start" in told.stdout
    assert "type once: python -m compileall -q " in told.stdout
    del environment["PYTHONDONTWRITEBYTECODE"]
    told = subprocess.run([*COMMAND, "doctor"], cwd=study.root, env=environment, capture_output=True, text=True)
    assert "anew at every start" not in told.stdout
