"""The main promise on real digits: killed in the middle and run again, a Keras sweep ends as if undisturbed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcsweep.launch.verify import differences
from hpcsweep.store import Result, Store
from tests.cli.test_run import worker_pids
from tests.conftest import Study

SWEEP = """
name = "digits"
job = "jobs/dense_classifier.py:train"
repeats = 2
[fixed]
layers = 1
learning_rate = 0.01
[grid]
neurons = [8]
epochs = [3, 200]
"""
NAMED_JOB = """
import keras
from hpcsweep.data import digits
from hpcsweep.training import fit

def train(run, *, named: str, epochs: int = 60):
    data = digits()
    layers = [keras.Input(data.input_shape), keras.layers.Rescaling(1 / 16), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(8, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[keras.metrics.SparseCategoricalAccuracy(named)])
    return fit(run, model, data)
"""
NAMED_SWEEP = """
name = "{named}"
job = "jobs/named.py:train"
fixed.named = "{named}"
training.engine = "compiled"
[stop]
metric = "val_{named}"
patience = 3
"""
Wait = Callable[..., None]


def results(store: Path) -> dict[str, Result]:
    """Return all results of a store by run."""
    return {result.id: result for result in Store(store).results()}


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_killed_keras_sweep_ends_as_if_undisturbed(tmp_path: Path, wait_until: Wait, backend: str) -> None:
    """After kill -9 of everything, the same command ends with equal tables, weights and histories, to the bit."""
    assert Study(tmp_path).run("init", tmp_path / "study").returncode == 0
    study = Study(tmp_path / "study")
    path = study.sweep("digits", SWEEP + f'[training]\nbackend = "{backend}"\n')
    command = study.start("run", path, "--workers", "2")
    wait_until(lambda: len(results(study.store)) >= 1, 120)
    command.kill()
    for pid in worker_pids(study.store):
        os.kill(pid, signal.SIGKILL)
    command.communicate()
    finished = {run_id: result.facts["ended"] for run_id, result in results(study.store).items()}
    assert 1 <= len(finished) < 4
    again = study.run("run", path)
    assert again.returncode == 0, again.stderr
    undisturbed = study.run("run", path, "--store", study.root / "undisturbed")
    assert again.stdout == undisturbed.stdout
    ours, theirs = results(study.store), results(study.root / "undisturbed")
    assert len(ours) == 4
    assert {result.facts["backend"] for result in ours.values()} == {backend}
    assert not any(differences(result, theirs[run_id]) for run_id, result in ours.items())
    assert all(ours[run_id].facts["ended"] == ended for run_id, ended in finished.items())  # nothing trained twice


def test_a_result_of_a_classifier_is_whole(tmp_path: Path) -> None:
    """A Keras run has digests, engine, device, epoch 0, confusion matrix and the accuracy of each class."""
    assert Study(tmp_path).run("init", tmp_path / "study").returncode == 0
    study = Study(tmp_path / "study")
    path = study.sweep("digits", SWEEP.replace("repeats = 2", "").replace("200", "4"))
    assert study.run("run", path, "--quiet").returncode == 0
    short, long = sorted(results(study.store).values(), key=lambda result: result.params["epochs"])
    assert short.facts["initial_weights_sha256"] == long.facts["initial_weights_sha256"]
    assert short.facts["final_weights_sha256"] != long.facts["final_weights_sha256"]
    assert long.history["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"} <= set(long.history)
    matrix = long.arrays["confusion_matrix"]
    assert matrix.shape == (10, 10)
    assert long.metrics["val_accuracy"] == long.history["val_accuracy"][-1]
    assert abs(matrix.trace() / matrix.sum() - long.metrics["val_accuracy"]) < 1e-6
    assert long.arrays["per_class_accuracy"].shape == (10,)
    shown = json.loads(study.run("show", long.id[:12], "--json").stdout)
    keys = {"initial_weights_sha256", "final_weights_sha256", "engine", "commit", "device", "attempts"}
    assert keys <= set(shown)


def test_what_a_metric_is_called_changes_no_training(tmp_path: Path) -> None:
    """A net whose metric is called `score` stops early where the same one with `accuracy` does, once told the way."""
    study = Study(tmp_path)
    for folder in ("jobs", "sweeps"):
        (tmp_path / folder).mkdir()
    (tmp_path / "jobs" / "named.py").write_text(NAMED_JOB)
    known, unknown = (NAMED_SWEEP.format(named=named) for named in ("accuracy", "score"))
    refused = study.run("plan", study.sweep("score", unknown))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert 'type [metrics] val_score = "max" or "min"' in refused.stderr
    for name, text in {"accuracy": known, "score": unknown + '[metrics]\nscore = "max"\n'}.items():
        assert study.run("run", study.sweep(name, text), "--quiet").returncode == 0
    one, other = sorted(results(study.store).values(), key=lambda result: str(result.params["named"]))
    assert one.epoch is not None
    assert 4 < one.epoch < 60
    assert one.metrics["val_accuracy"] > 0.8
    assert one.facts["ended_early"] == "val_accuracy did not improve for 3 epochs"
    assert other.history["val_score"].tobytes() == one.history["val_accuracy"].tobytes()
    assert other.facts["final_weights_sha256"] == one.facts["final_weights_sha256"]
