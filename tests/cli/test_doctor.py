"""`hpcsweep doctor` on this machine: which backends of Keras can be used here."""

from __future__ import annotations

import shlex
import subprocess

from tests.conftest import COMMAND, Study


def doctor(study: Study, *hidden: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ask doctor, with some packages as good as not installed."""
    return subprocess.run(
        [*COMMAND, "doctor"],
        cwd=study.root,
        env={**study.environment(), "PYTHONPATH": study.path_without(*hidden)} | environment,
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


def test_packages_that_are_compiled_at_every_start_are_named(study: Study) -> None:
    """Where Python finds no compiled Keras and may not keep one, doctor says what to type; where it may, nothing."""
    keras = study.root / "stubs" / "keras" / "__init__.py"
    keras.parent.mkdir(parents=True)
    keras.write_text("__version__ = '3'\n")
    said = "warning  here: Python compiles Keras again at every start"
    told = doctor(study, "tensorflow", "jax", PYTHONDONTWRITEBYTECODE="1").stdout
    assert said in told
    assert f"type once: python -m compileall -q {shlex.quote(str(keras.parents[1]))}" in told
    assert said not in doctor(study, PYTHONDONTWRITEBYTECODE="").stdout
