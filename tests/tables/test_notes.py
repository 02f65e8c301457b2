"""What is written below a table of numbers that are to be doubted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsweep.statistics import best
from hpcsweep.tables import render, table
from tests.made_results import MakeStore, make_result, results_of


def test_runs_far_worse_are_told_beside_the_mean() -> None:
    """Where a run is far worse than the others of its cell, the note has the median and the interquartile mean."""
    runs = [
        {"a": a, "seed": s, "last_accuracy": 0.1 if (a, s) == (2, 3) else 0.9 + 0.001 * s}
        for a in (1, 2)
        for s in range(5)
    ]
    (note,) = [one for one in table(results_of(runs, ["a"]), values=["last_accuracy"]).notes if "far worse" in one]
    assert "2: 1 of 5, mean 0.741, median 0.901, interquartile mean 0.901" in note


def test_an_impossible_accuracy_is_flagged() -> None:
    """An accuracy outside 0..1 is said below the table, with an example."""
    runs = [{"a": 1, "last_accuracy": 0.5}, {"a": 2, "last_accuracy": 4.854}]
    text = render(table(results_of(runs, ["a"]), values=["last_accuracy"]))
    assert "WARNING: last_accuracy of 1 run lies outside 0..1 (such as 4.854)" in text


@pytest.mark.parametrize(
    ("value", "warns"), [("max_test_accuracy", True), ("last_test_accuracy", False), ("max_val_accuracy", False)]
)
def test_a_maximum_over_a_test_set_is_flagged(value: str, warns: bool) -> None:
    """The best epoch on test data is said to be too good below the table, with what to show instead."""
    runs = [{"a": a, value: 0.5, "reached_epoch": 3.0} for a in (1, 2)]
    made = replace(results_of(runs, ["a"]), metrics=(value.split("_", 1)[1],))
    notes = [note for note in table(made, values=[value]).notes if "on test data" in note]
    assert len(notes) == warns


@pytest.mark.parametrize(("own", "warns"), [(None, True), ("trained on", False)])
def test_a_maximum_over_a_published_test_part_is_flagged(own: str | None, warns: bool, make_store: MakeStore) -> None:
    """Where a data set validates on its published test part, the best epoch by it is said to be too good."""
    data = {"mnist": {"sha256": "1", "validates_on_test": True}, **({own: {"sha256": "2"}} if own else {})}
    history = {"epoch": [1, 2], "accuracy": [0.5, 0.6], "val_accuracy": [0.5, 0.4]}
    made = make_store([make_result({"a": a}, history=history, facts={"data": data}) for a in (1, 2)])
    for value, is_too_good in (("max_val_accuracy", warns), ("last_val_accuracy", False), ("max_accuracy", False)):
        notes = [note for note in table(made, values=[value]).notes if "published test part of mnist" in note]
        assert len(notes) == is_too_good
    assert any("validate=10_000" in note for note in best(made, "max_val_accuracy").notes) == warns


def test_numbers_of_two_code_versions_are_flagged() -> None:
    """Runs of different versions of the job or of different engines are said to be compared with care."""
    runs = [{"a": n, "last_x": 1.0, "job_sha256": str(n) * 64, "engine": "fit"} for n in (1, 2)]
    text = render(table(results_of(runs, ["a"]), values=["last_x"]))
    assert "2 versions of the job's code" in text
    assert "training engines" not in text
