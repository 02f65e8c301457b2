"""Keras's backends: the rules of training hold on JAX too, and neither backend's workers import the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpcsweep.store.array_bytes import pack_state, unpack_state
from tests.conftest import ENVIRONMENT, REPOSITORY
from tests.training import nets
from tests.training.test_runs import train

# a fifth of the time: JAX compiles what several tests train only once
COMPILED_ONCE = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
# In two processes, each of which imports JAX once and traces once what several of its tests train.
RULES = {
    "runs": {
        "test_runs": "resumed or (trajectory and batch_norm) or crowd or mixed or memory or killed",
    },
    "engines": {
        "test_equality": "dense-50 or conv or batch_norm or averaged or subclass or epoch_0",
        "engines/test_choose": "jax or resumed or compiled or long_steps",
        "loops/test_stack": "test",
        "programs/test_partial_epoch": "not xla and not dense and not conv",
    },
}


def python(*arguments: str, backend: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a new process with Keras on `backend`."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**ENVIRONMENT, "KERAS_BACKEND": backend, **variables},
        capture_output=True,
        text=True,
        check=check,
        timeout=580,
    )


@pytest.mark.parametrize("about", RULES)
def test_the_rules_of_training_hold_on_jax(tmp_path: Path, about: str) -> None:
    """Bits of model.fit, resume, prefixes, kills, decisions and stacks: the same tests pass with Keras on JAX."""
    files = [f"tests/training/{file}.py" for file in RULES[about]]
    chosen = " or ".join(f"({Path(file).name} and ({tests}))" for file, tests in RULES[about].items())
    pytest_ = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    cache = {**COMPILED_ONCE, "JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    ended = python(*pytest_, *files, "-k", chosen, backend="jax", check=False, **cache)
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-1000:]


@pytest.mark.parametrize(("backend", "other"), [("tensorflow", "jax"), ("jax", "tensorflow")])
def test_a_backend_neither_imports_the_other_nor_takes_its_checkpoints(
    tmp_path: Path, backend: str, other: str
) -> None:
    """What is not used costs no seconds and no memory; a run that another backend began is refused, as numbers differ.

    One process, which trains, then tries to go on with what another backend has left, and says what it has imported.
    """
    train(nets.dense, 2, folder=tmp_path)
    checkpoint = tmp_path / "checkpoint"
    if backend == "tensorflow":  # as here: it is the record that says by what it was made
        checkpoint.write_bytes(made_on(other, checkpoint.read_bytes()))
    left = checkpoint.read_bytes()
    script = (
        "import sys, hpcsweep.training; from pathlib import Path; from tests.training.test_runs import nets, train; "
        "[train(nets.dense, 1, engine=engine) for engine in ('fit', 'compiled')]; print(*sys.modules, flush=True); "
        "train(nets.dense, 4, folder=Path(sys.argv[1]))"
    )
    refused = python("-c", script, str(tmp_path), backend=backend, check=False)
    assert refused.returncode != 0
    assert f"StoreError: this run's checkpoint was made with Keras on {other}" in refused.stderr
    assert checkpoint.read_bytes() == left
    assert backend in refused.stdout.split()
    assert other not in refused.stdout.split()


def made_on(backend: str, checkpoint: bytes) -> bytes:
    """Return the checkpoint as if another backend had made it."""
    whole = unpack_state(checkpoint)
    whole["state"]["backend"] = backend
    return pack_state(whole, generation=1, epoch=whole["epoch"])


def test_an_unknown_backend_is_refused() -> None:
    """A backend of Keras that cannot train here is refused, with those that can."""
    refused = python("-c", "import hpcsweep.training", backend="torch", check=False)
    assert "UsageError: Keras's backend is torch; expected tensorflow or jax" in refused.stderr
