"""The trained model of the best run is had back, and gives the table's own number without hpcsweep."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

import hpcsweep
from tests.conftest import ENVIRONMENT, Study

JOB = """
import keras
import numpy as np
from hpcsweep.data import load
from hpcsweep.training import fit

def rate(epoch, rate):
    return 30.0 if epoch == 3 else rate  # the last epoch of four spoils what the others have learnt

def train(run, *, width: int, epochs: int):
    data = load("digits")
    model = keras.Sequential([keras.layers.Input(data.x.shape[1:]), keras.layers.Rescaling(1 / data.white),
                              keras.layers.Flatten(), keras.layers.Dense(width, "relu"),
                              keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    np.savez("data.npz", x=data.x_val, y=data.y_val)
    return fit(run, model, data, epochs=epochs, callbacks=[keras.callbacks.LearningRateScheduler(rate)])
"""
SWEEP = 'name = "kept"\njob = "jobs/kept.py:train"\n[grid]\nwidth = [4, 16]\n'
EVALUATE = """
import sys, importlib.util
assert importlib.util.find_spec("hpcsweep") is None
import keras, numpy as np
data = np.load(sys.argv[1])
for model in sys.argv[2:]:
    print(keras.models.load_model(model).evaluate(data["x"], data["y"], verbose=0)[1])
"""


@pytest.fixture(scope="module")
def clean_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has all packages of this one, Keras and TensorFlow among them, except hpcsweep."""
    root = tmp_path_factory.mktemp("clean")
    venv.create(root, symlinks=True)
    [site] = root.glob("lib/python*/site-packages")
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not path.name.startswith(("hpcsweep", "__editable__")) and path.suffix != ".pth":
            (site / path.name).symlink_to(path)
    return root / "bin" / "python"


def model_of_best(study: Study, value: str, out: str) -> tuple[str, str]:
    """Type `hpcsweep model`; return the id of the best run, and all that was told."""
    told = study.run("model", "sweeps/kept.toml", "--best", value, "--out", out)
    assert told.returncode == 0, told.stderr
    return told.stderr.split(f"the best run by {value} is ")[1].split()[0], told.stderr


def best_in_table(study: Study, value: str) -> float:
    """Return the largest number of the table."""
    words = ["--rows", "width", "--value", value, "--format", "json"]
    return max(float(cell["mean"]) for cell in json.loads(study.run("table", "sweeps/kept.toml", *words).stdout))


def test_the_models_of_the_best_runs_give_the_numbers_of_the_table(study: Study, clean_python: Path) -> None:
    """The final weights of the best run, and the best weights, have their accuracies where there is no hpcsweep."""
    study.job("kept", JOB)
    study.sweep("kept", f'{SWEEP}epochs = [4]\n[keep]\nmodel = "both"\nby = "val_accuracy"\n')
    assert study.run("run", "sweeps/kept.toml", "--quiet").returncode == 0
    _, told_of_last = model_of_best(study, "last_val_accuracy", "last.keras")
    run_id, told_of_max = model_of_best(study, "max_val_accuracy", "best.keras")
    assert "WARNING" not in told_of_last + told_of_max
    assert study.run("files", run_id, "--out", "kept").returncode == 0
    assert {path.name for path in (study.root / "kept").iterdir()} == {"model.keras", "model-best.keras", "data.npz"}
    words = [str(clean_python), "-c", EVALUATE, "kept/data.npz", "last.keras", "best.keras"]
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    said = subprocess.run(words, cwd=study.root, env=environment, capture_output=True, text=True, check=True)
    last, best = map(float, said.stdout.split())
    assert last == pytest.approx(best_in_table(study, "last_val_accuracy"), abs=1e-7)
    assert best == pytest.approx(best_in_table(study, "max_val_accuracy"), abs=1e-7)
    assert best > last + 0.1


def test_a_small_model_is_kept_unasked_and_weights_of_another_epoch_are_said_to_be(study: Study) -> None:
    """Each point of a trajectory keeps its own final model; the number of another epoch comes with a warning."""
    study.job("kept", JOB)
    study.sweep("kept", f"{SWEEP}epochs = [3, 4]\n")
    assert study.run("run", "sweeps/kept.toml", "--quiet").returncode == 0
    sweep = study.root / "sweeps" / "kept.toml"
    models = [hpcsweep.results.model(run, store=study.store) for run in hpcsweep.runs(sweep)["id"]]
    assert len({path.read_bytes() for path in models}) == 4
    sweep.write_text(sweep.read_text().replace("[3, 4]", "[4]"))
    _, told = model_of_best(study, "max_val_accuracy", "best.keras")
    assert "the weights that were kept are those of epoch 4, with" in told
    refused = study.run("model", "sweeps/kept.toml", "--best", "max_val_accuracy", "--where", "width == 99")
    assert refused.returncode == 3


def test_what_was_not_kept_is_said(study: Study) -> None:
    """A run without a model, and one that is not there, are refused with what to do."""
    study.job("plain", "def train(run, *, x: int):\n    open('a.txt', 'w').write('a')\n    return {'score': x}\n")
    study.sweep("plain", 'name = "plain"\njob = "jobs/plain.py:train"\n[grid]\nx = [1, 2]\n[metrics]\nscore = "max"\n')
    assert study.run("run", "sweeps/plain.toml", "--quiet").returncode == 0
    refused = study.run("model", "sweeps/plain.toml", "--best", "score")
    assert (refused.returncode, '[keep] model = "final"' in refused.stderr) == (3, True)
    run_id = json.loads(study.run("plan", "sweeps/plain.toml", "--json").stdout)["runs"][1]["id"]
    assert Path(study.run("files", run_id[:8]).stdout.strip()).read_text() == "a"
    assert study.run("files", "ffffffff").returncode == 3
