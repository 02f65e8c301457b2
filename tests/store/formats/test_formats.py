"""Stores of releases before: each example beside this file stays readable, and its work goes on.

The examples hold the same study, made by the release in their name: a job without Keras (runs that are done, that
failed, and one that was stopped after 3 of 4 epochs), and a tiny net. They are never made anew; see make.py.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpcsweep import results
from tests.conftest import Study

EXAMPLES = sorted(Path(__file__).parent.glob("*.tar.xz"))
WAVE, NET = "sweeps/wave.toml", "sweeps/net.toml"
VAL_ACCURACY = [0.11699164658784866, 0.13927575945854187]  # of the net after 1 and 2 epochs


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def old(request: pytest.FixtureRequest, study: Study) -> Study:
    """The study of an example, its store as the release left it."""
    with tarfile.open(request.param) as archive:
        archive.extractall(study.root / "old", filter="data")
    return replace(study, root=study.root / "old")


def read(study: Study, *arguments: str) -> Any:
    """Return what a verb prints as JSON."""
    done = study.run(*arguments)
    assert done.returncode in (0, 1), done.stderr  # 1: some runs failed
    return json.loads(done.stdout)


def test_status_tells_the_states_of_an_old_store(old: Study) -> None:
    """What was done, had failed, or was stopped by a release before, is so today, with its cause."""
    told = read(old, "status", WAVE, "--json")
    found = {(run["params"]["height"], run["params"]["epochs"]): run for run in told["runs"]}
    assert {key: run["state"] for key, run in found.items()} == {
        (1.0, 2): "done",
        (1.0, 4): "done",
        (9.0, 2): "done",
        (9.0, 4): "resumable",
        (-1.0, 2): "failed",
        (-1.0, 4): "failed",
    }
    assert "a wave has no negative height" in found[-1.0, 4]["cause"]


def test_the_numbers_of_an_old_store_are_those_that_were_recorded(old: Study) -> None:
    """Table, show and history give the results of a release before to the last bit."""
    cells = read(old, "table", NET, "--value", "val_accuracy", "--format", "json")
    assert {cell["epochs"]: cell["mean"] for cell in cells} == dict(enumerate(VAL_ACCURACY, start=1))
    waves = read(old, "table", WAVE, "--value", "final_value", "--format", "json")
    assert {(cell["height"], cell["epochs"]): cell["mean"] for cell in waves if cell["n"]} == {
        (1.0, 2): 0.75,
        (1.0, 4): 0.9375,
        (9.0, 2): 6.75,
    }
    runs = results.runs(old.root / NET)
    for run_id, epochs, accuracy in zip(runs["id"], runs["epochs"], VAL_ACCURACY, strict=True):
        shown = read(old, "show", run_id, "--json")
        assert (shown["params"], shown["engine"]) == ({"neurons": 2, "epochs": epochs}, "compiled")
        assert shown["metrics"]["val_accuracy"] == accuracy
    history = results.history(old.root / NET)
    assert history[history["id"] == runs["id"].iloc[1]]["val_accuracy"].tolist()[1:] == VAL_ACCURACY


@pytest.mark.training
def test_work_goes_on_from_an_old_checkpoint(old: Study) -> None:
    """What an earlier release had stopped does not start over, and what it had done is not touched."""
    before = {path: path.read_bytes() for path in old.store.glob("trajectories/*/*/run-*.json")}
    done = old.run("run", WAVE, "--workers", "1")
    assert "4 failed" not in done.stderr, done.stderr
    (cell,) = (cell for cell in read(old, "table", WAVE, "--format", "json") if cell["mean"] == 9 * (1 - 0.5**4))
    assert (cell["height"], cell["epochs"], cell["n"]) == (9.0, 4, 1)
    history = results.history(old.root / WAVE)
    assert sorted(history.groupby("id")["epoch"].apply(list)) == [[1, 2], [1, 2], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.training
def test_an_old_net_is_trained_further(old: Study) -> None:
    """More epochs of a net go on from the checkpoint of a release before: the epochs it recorded stay as they are."""
    file = old.root / NET
    file.write_text(file.read_text().replace("epochs = [1, 2]", "epochs = [1, 2, 3]"))
    assert old.run("run", NET, "--workers", "1").returncode == 0
    history = results.history(file)
    longest = history[history["id"] == results.runs(file).set_index("epochs")["id"][3]]
    assert longest["val_accuracy"].tolist()[1:3] == VAL_ACCURACY
    assert longest["epoch"].tolist() == [0, 1, 2, 3]
