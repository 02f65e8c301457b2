"""What went wrong in a run is named, run by run, however many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.results import load
from hpcsweep.results.query.select import select
from hpcsweep.run_notes import WORDS, collapsed_classes, notes_of_runs
from hpcsweep.tables import render, table
from tests.made_results import MakeStore, make_result

LN_10 = float(np.log(10))
EVEN = np.full((10, 10), 10) + np.diag([800] * 10)  # ten classes of 900, most of them right
DEAD = np.zeros((10, 10), int)
DEAD[:, 3] = 900


def with_rights(*rights: int) -> Any:
    """Return a matrix of ten classes of 1,000 of which the first have so few right, and the others 900."""
    matrix = np.zeros((10, 10), int)
    for label in range(10):
        right = rights[label] if label < len(rights) else 900
        matrix[label, label], matrix[label, (label + 1) % 10] = right, 1000 - right
    return matrix


CASES: dict[str, tuple[dict[str, list[float]], Any, str | None]] = {
    "nothing": ({"loss": [2.3, 0.5], "val_loss": [2.3, 0.5], "val_accuracy": [0.1, 8100 / 9000]}, EVEN, None),
    "no history": ({}, None, None),
    "a peak that stays finite": ({"loss": [2.4, 170.0, LN_10, LN_10], "val_accuracy": [0.1] * 4}, DEAD,
                                 "exploded; stuck; one class; collapsed"),
    "a high beginning": ({"loss": [300.0, 20.0, 2.0]}, None, None),
    "chance": ({"val_accuracy": [0.1, 0.101, 0.099]}, with_rights(*[100] * 10), "stuck"),
    "once above chance": ({"val_accuracy": [0.1, 0.5, 0.1]}, with_rights(*[100] * 10), None),
    "few of a class": ({"val_accuracy": [0.63, 0.6316]}, with_rights(10, 1, 5), "collapsed"),
    "overfitting": ({"loss": [2.3, 0.5, 0.2, 0.1], "val_loss": [2.3, 0.5, 0.55, 0.7]}, None, "overfits"),
    "worse in both": ({"loss": [2.3, 0.5, 0.6, 0.7], "val_loss": [2.3, 0.5, 0.6, 0.7]}, None, None),
    "binary accuracy of ten classes": ({"val_accuracy": [0.95, 0.98]}, EVEN, "odd metric"),
    "one class only": ({}, np.diag([50, 0]), None),
    "few examples": ({"val_accuracy": [0.5, 0.9]}, np.array([[5, 0], [1, 4]]), None),
    "a matrix of other data": ({"val_accuracy": [0.5, 0.83]}, np.array([[400, 100], [100, 400]]), None),
    "an error called accuracy": ({"accuracy": [2.0, 1.4]}, None, "odd metric"),
}  # fmt: skip


def test_each_fault_has_its_word_in_a_crowd_as_alone() -> None:
    """Each kind of run gets its words and no others, whichever runs are looked at beside it."""
    wanted = [words for _, _, words in CASES.values()]
    assert _notes(list(CASES)) == wanted
    assert [_notes([name])[0] for name in CASES] == wanted
    assert _notes([]) == []


def _notes(names: list[str]) -> list[str | None]:
    metrics = {metric for name in names for metric in CASES[name][0]}
    lengths = np.array([max([0, *(len(column) for column in CASES[name][0].values())]) for name in names], dtype=int)
    history = {"epoch": np.concatenate([np.arange(0), *(np.arange(length) for length in lengths)]).astype(int)}
    for metric in metrics:
        columns = [CASES[name][0].get(metric, [np.nan] * n) for name, n in zip(names, lengths, strict=True)]
        history[metric] = np.concatenate([np.array(column, float) for column in columns])
    return notes_of_runs(history, lengths, [CASES[name][1] for name in names])


@pytest.mark.parametrize(("right", "is_collapsed"), [(0, True), (10, True), (24, True), (25, False), (100, False)])
def test_a_class_collapses_below_a_share_of_chance(right: int, is_collapsed: bool) -> None:
    """Of 1,000 examples of one of ten classes, 100 right is chance, and fewer than 25 is a collapse."""
    assert collapsed_classes(with_rights(right)) == [0] * is_collapsed


def test_words_stand_in_a_column_under_the_table_and_in_conditions(make_store: MakeStore) -> None:
    """Each run has its own words, of its own seed; the table counts them; --where finds them, or those without any."""
    bad = {"history": {"epoch": [0, 1], "val_accuracy": [0.1, 0.1]}, "arrays": {"confusion_matrix": DEAD}}
    store = make_store([make_result({"a": 1}, 0, **bad), make_result({"a": 1}, 1), make_result({"a": 2}, 0)])  # type: ignore[arg-type]
    results = load(store)
    assert sorted(results.runs["notes"].dropna()) == ["stuck; one class; collapsed"]
    text = render(table(results), width=1000)
    assert f"collapsed: 1 of 3 runs: {WORDS['collapsed']}." in text
    assert "--where 'note == \"stuck\"'" in text
    for condition, count in {
        "note == 'collapsed'": 1,
        "note != 'collapsed'": 2,
        "note == None": 2,
        "'stu' in note": 1,
        "note == 'collapsed' and note == 'stuck' and a == 1": 1,
    }.items():
        assert len(select(results, condition).runs) == count


def test_a_parameter_called_notes_hides_no_words(make_store: MakeStore) -> None:
    """Where a job has a parameter of that name, the words are in run_notes, and are found and counted all the same."""
    bad = {"epoch": [0, 1], "loss": [1.0, 30.0]}
    results = load(make_store([make_result({"notes": "x"}, history=bad), make_result({"notes": "y"})]))
    assert select(results, "note == 'exploded'").runs["notes"].tolist() == ["x"]
    assert f"exploded: 1 of 2 runs: {WORDS['exploded']}." in render(table(results), width=1000)


def test_weights_that_another_run_ended_with_are_noted(make_store: MakeStore) -> None:
    """A run that began where another ended is called accumulated, beside its other words."""
    history = {"epoch": [0, 1, 2], "loss": [2.0, 30.0, 2.3]}
    facts = [{"initial_weights_sha256": begin, "final_weights_sha256": end} for begin, end in (("1", "2"), ("2", "3"))]
    store = make_store([make_result({"a": n}, history=history, facts=fact) for n, fact in enumerate(facts)])
    notes = load(store).runs.set_index("a")["notes"].to_dict()
    assert notes == {0: "exploded", 1: "exploded; accumulated"}


def test_reading_writes_nothing(make_store: MakeStore, tmp_path: Path) -> None:
    """Notes are found by reading: the files of a store are what they were."""
    store = make_store([make_result({"a": 1})])
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    load(store)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
