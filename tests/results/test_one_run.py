"""Everything recorded of a run, and how runs differ."""

from __future__ import annotations

import json

import numpy as np

from hpcsweep import results
from hpcsweep.results.describe import describe
from hpcsweep.store.results import Failure, write_failure
from tests.made_results import MakeStore, Study, make_result


def test_a_record_is_whole_and_is_json(make_store: MakeStore) -> None:
    """The record has the facts by their names, the whole history and the arrays, and NaN does not break JSON."""
    made = make_result(
        {"a": [1, 2]},
        3,
        history={"epoch": [0, 1], "loss": [1.0, np.nan]},
        facts={"initial_weights_sha256": "12", "attempts": [{"host": "n1"}]},
        arrays={"confusion_matrix": [[1, 0], [2, 0]]},
    )
    store = make_store([made])
    record = json.loads(json.dumps(results.record_of(store, made.trajectory, made.id), allow_nan=False))
    assert (record["initial_weights_sha256"], record["attempts"]) == ("12", [{"host": "n1"}])
    assert (record["params"], record["seed"], record["state"]) == ({"a": [1, 2]}, 3, "done")
    assert record["history"] == {"epoch": [0, 1], "loss": [1.0, "nan"]}
    assert (record["arrays"]["confusion_matrix"], record["collapsed_classes"]) == ([[1, 0], [2, 0]], [1])
    assert any("as by guessing (classes [1])" in line for line in describe(record))


def test_a_failed_run_shows_its_traceback(study: Study) -> None:
    """What is known of a run that failed is its cause and its traceback."""
    missing = results.runs(study.sweep).query("state == 'new'").iloc[0]
    folder = study.store.folder(missing["trajectory"])
    folder.path.mkdir(parents=True)
    folder.claim(1).write_text("{}")
    write_failure(folder, Failure("ValueError", "no such optimizer", "Traceback: line 3", 1))
    record = results.record_of(study.store, missing["trajectory"], missing["id"])
    assert (record["state"], record["cause"]) == ("failed", "ValueError: no such optimizer")
    assert "  Traceback: line 3" in list(describe(record))
    frame = results.runs(study.sweep).set_index("id")
    assert frame.loc[missing["id"], "cause"] == "ValueError: no such optimizer"


def test_diff_names_what_differs_and_since_when(make_store: MakeStore) -> None:
    """Equal things are left out; a parameter, a number with its difference, and the first unequal epoch are named."""
    first = make_result({"a": 1, "b": 2}, history={"epoch": [0, 1, 2], "loss": [3.0, 2.0, 1.0]})
    second = make_result({"a": 1, "b": 3}, history={"epoch": [0, 1, 2], "loss": [3.0, 2.0, 0.5]})
    store = make_store([first, second])
    frame = results.diff(store.root, first.id[:9], second.id).set_index("name")
    assert list(frame.loc["b"]) == ["parameter", 2, 3, 1]
    assert frame.loc["last_loss", "difference"] == -0.5
    assert "loss first differs at epoch 2" in frame.index
    assert "a" not in frame.index


def test_a_run_does_not_differ_from_itself(make_store: MakeStore) -> None:
    """A run with NaN in its history is equal to itself."""
    made = make_result({"a": 1}, history={"epoch": [0, 1], "loss": [1.0, np.nan]})
    store = make_store([made])
    assert len(results.diff(store.root, made.id, made.id)) == 0
