"""The trained model of the best run is had back, and gives the table's own number without hpcsweep."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ENVIRONMENT, Study

JOB = """
import keras
import numpy as np
from hpcsweep.data import load
from hpcsweep.training import fit

def train(run, *, width: int, epochs: int):
    data = load("digits")
    model = keras.Sequential([keras.layers.Input(data.x.shape[1:]), keras.layers.Flatten(),
                              keras.layers.Dense(width, "relu"), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    np.savez("validation.npz", x=data.x_val, y=data.y_val)
    return fit(run, model, data, epochs=epochs, batch_size=64)
"""
SWEEP = """
name = "kept"
job = "jobs/kept.py:train"
[grid]
width = [2, 8]
epochs = [1, 3]
[keep]
model = true
"""
ELSEWHERE = """
import sys
sys.modules["hpcsweep"] = None
import keras, numpy as np
data = np.load(sys.argv[2])
loss, accuracy = keras.models.load_model(sys.argv[1]).evaluate(data["x"], data["y"], verbose=0)
print(accuracy)
"""


@pytest.mark.training
def test_the_best_model_gives_the_number_of_the_table(study: Study) -> None:
    """Each point of a trajectory keeps its own model; the best one, loaded elsewhere, has the accuracy in the table."""
    study.job("kept", JOB)
    study.sweep("kept", SWEEP)
    assert study.run("run", "sweeps/kept.toml", "--quiet").returncode == 0
    told = study.run(
        "model", "sweeps/kept.toml", "--best", "last_val_accuracy", "--where", "epochs == 3", "--out", "b.keras"
    )
    assert told.returncode == 0, told.stderr
    run_id = told.stderr.split()[-1]
    assert study.run("files", run_id, "--out", "kept").returncode == 0
    assert {path.name for path in (study.root / "kept").iterdir()} == {"model.keras", "validation.npz"}
    assert (study.root / "kept" / "model.keras").read_bytes() == (study.root / "b.keras").read_bytes()
    words = [sys.executable, "-c", ELSEWHERE, "b.keras", "kept/validation.npz"]
    said = subprocess.run(words, cwd=study.root, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    table = study.run(
        "table",
        "sweeps/kept.toml",
        "--rows",
        "width",
        "--value",
        "last_val_accuracy",
        "--where",
        "epochs == 3",
        "--format",
        "json",
    )
    assert float(said.stdout) == pytest.approx(max(cell["mean"] for cell in json.loads(table.stdout)), abs=1e-7)


def test_what_was_not_kept_is_said(study: Study) -> None:
    """A run without a model, and one that is not there, are refused with what to do."""
    study.job("plain", "def train(run, *, x: int):\n    open('a.txt', 'w').write('a')\n    return {'score': x}\n")
    study.sweep("plain", 'name = "plain"\njob = "jobs/plain.py:train"\n[grid]\nx = [1, 2]\n[metrics]\nscore = "max"\n')
    assert study.run("run", "sweeps/plain.toml", "--quiet").returncode == 0
    refused = study.run("model", "sweeps/plain.toml", "--best", "score")
    assert (refused.returncode, "[keep] model = true" in refused.stderr) == (3, True)
    run_id = json.loads(study.run("plan", "sweeps/plain.toml", "--json").stdout)["runs"][1]["id"]
    assert Path(study.run("files", run_id[:8]).stdout.strip()).read_text() == "a"
    assert study.run("files", "ffffffff").returncode == 3
