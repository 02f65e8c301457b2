"""Keras's backends: the rules of training hold on JAX too, and neither backend's workers import the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT, REPOSITORY

RULES = {
    "test_equality": "dense-50 or conv or batch_norm or averaged or subclass or epoch_0",
    "test_runs": "resumed or (trajectory and batch_norm) or crowd or mixed or memory or killed",
    "engines/test_choose": "jax or resumed or compiled or long_steps",
    "loops/test_stack": "",
    "programs/test_partial_epoch": "not xla and not dense and not conv",
}


def python(*arguments: str, backend: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Python in a new process with Keras on `backend`."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**ENVIRONMENT, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=check,
        timeout=580,
    )


@pytest.mark.parametrize(("file", "chosen"), RULES.items(), ids=list(RULES))
def test_the_rules_of_training_hold_on_jax(file: str, chosen: str) -> None:
    """Bits of model.fit, resume, prefixes, kills, decisions and stacks: the same tests pass with Keras on JAX."""
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/training/{file}.py", "-k", chosen)
    ended = python(*tests, backend="jax", check=False)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-1000:]


@pytest.mark.parametrize(("backend", "other"), [("tensorflow", "jax"), ("jax", "tensorflow")])
def test_training_on_one_backend_never_imports_the_other(backend: str, other: str) -> None:
    """What is not used costs no seconds, no memory and no share of the GPU, even where both are installed."""
    script = (
        "import sys, hpcsweep.training; from tests.training.test_runs import nets, train; "
        "[train(nets.dense, 1, engine=engine) for engine in ('fit', 'compiled')]; print(*sys.modules)"
    )
    modules = python("-c", script, backend=backend).stdout.split()
    assert backend in modules
    assert other not in modules


def test_a_checkpoint_of_another_backend_is_refused(tmp_path: Path) -> None:
    """A run that was begun on one backend is not silently continued on the other, whose numbers differ."""
    script = (
        "import sys; from pathlib import Path; from tests.training.test_runs import nets, train; "
        "train(nets.dense, int(sys.argv[2]), folder=Path(sys.argv[1]))"
    )
    python("-c", script, str(tmp_path), "2", backend="tensorflow")
    refused = python("-c", script, str(tmp_path), "4", backend="jax", check=False)
    assert refused.returncode != 0
    assert "StoreError: this run's checkpoint was made with Keras on tensorflow" in refused.stderr
    python("-c", script, str(tmp_path), "4", backend="tensorflow")


def test_an_unknown_backend_is_refused() -> None:
    """A backend of Keras that cannot train here is refused, with those that can."""
    refused = python("-c", "import hpcsweep.training", backend="torch", check=False)
    assert "UsageError: Keras's backend is torch; expected tensorflow or jax" in refused.stderr
