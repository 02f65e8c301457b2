"""The mistake that this project exists for, in anybody's code: a model that is not built afresh for each run."""

from __future__ import annotations

import json

from hpcsweep.store import Store
from tests.conftest import Study

# As in a notebook: a model at the top, and plain `fit` in the job.
NOTEBOOK = """
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 4))
y = (x[:, 0] > 0).astype(int)
MODEL = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")])
MODEL.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

def train(run, *, attempt: int, epochs: int):
    history = MODEL.fit(x, y, epochs=epochs, verbose=0)
    return {"loss": history.history["loss"][-1]}
"""
FRESH = """
import keras
import numpy as np

def train(run, *, attempt: int, epochs: int):
    x = np.random.default_rng(0).normal(size=(64, 4))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    for _ in range(epochs):
        history = model.fit(x, x[:, :1], verbose=0)
    return {"loss": history.history["loss"][-1]}
"""
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\n[grid]\nattempt = [1, 2, 3]\nepochs = [2, 4]\n'


def test_a_model_at_the_top_of_a_notebook_is_caught_at_its_second_run(study: Study) -> None:
    """Whatever `fit` it calls: run, table, report, status and verify say which runs began where another ended."""
    study.job("job", NOTEBOOK)
    path = study.sweep("s", SWEEP)
    said = study.run("run", path, "--workers", "1")
    assert "WARNING: 5 runs began with the weights that another run ended with" in said.stdout, said.stderr
    assert "draws random numbers while it is imported" in said.stdout
    results = {result.id: result for result in Store(study.store).results()}
    assert sum("began_where" in result.facts for result in results.values()) == 5  # and the others of one trajectory
    assert "5 runs began with the weights" in study.run("table", path).stdout
    assert "its model was not a fresh one" in study.run("status", path).stdout
    study.run("report", path, "--out", study.root / "report.html")
    assert "began with the weights that another run ended with" in (study.root / "report.html").read_text()
    verified = study.run("verify", path, "--sample", "0")
    assert verified.returncode == 1
    assert "5 began with weights that another run ended with" in verified.stdout


def test_fresh_models_are_told_from_it(study: Study) -> None:
    """Plain `fit`, called again and again on a model that the job builds, is watched and found to be fresh."""
    study.job("job", FRESH)
    path = study.sweep("s", SWEEP)
    said = study.run("run", path, "--workers", "1")
    assert said.returncode == 0, said.stderr
    assert "began with the weights" not in said.stdout
    shown = json.loads(study.run("show", next(iter(Store(study.store).results())).id, "--json").stdout)
    assert shown["watched_fits"] == shown["params"]["epochs"]
    assert shown["initial_weights_sha256"] != shown["final_weights_sha256"]
    assert "0 began with weights that another run ended with" in study.run("verify", path, "--sample", "0").stdout
