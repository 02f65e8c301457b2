"""What a table marks as the best, and what it says where it marks nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsweep.tables import table
from tests.made_results import results_of
from tests.tables.made import ordered


def test_the_best_cell_is_marked_in_the_direction_of_its_name() -> None:
    """The largest accuracy and the smallest loss are marked; a name that says neither is left alone."""
    runs = ordered("last_accuracy", "last_loss", "last_whim")
    made = table(results_of(runs, ["a"]), values=["last_accuracy", "last_loss", "last_whim"])
    assert made.best == {((3,), (), 0), ((1,), (), 1)}
    assert table(results_of(runs, ["a"]), values=["last_loss"], best=False).best == frozenset()


def test_what_cannot_be_told_from_the_best_is_marked_like_it() -> None:
    """Two settings whose seeds overlap are both marked, whichever has the larger mean; a far worse one is not."""
    runs = [
        {"a": a, "seed": s, "last_accuracy": {1: 0.5, 2: 0.9, 3: 0.901}[a] + 0.01 * (s + a) % 0.03}
        for a in (1, 2, 3)
        for s in range(5)
    ]
    made = table(results_of(runs, ["a"]), values=["last_accuracy"])
    assert made.best == {((2,), (), 0), ((3,), (), 0)}


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        (1, "No best is marked: nothing is claimed from 1 seed."),
        (2, "No best is marked: nothing is claimed from 2 seeds."),
        (3, "No best is marked: 3 seeds do not tell any cell from the best."),
    ],
)
def test_nothing_is_marked_where_nothing_is_shown(seeds: int, said: str) -> None:
    """Too few seeds, or seeds that overlap, mark no cell, and the note says which of the two it is."""
    runs = [{"a": a, "seed": s, "last_loss": 0.1 * ((s + a) % 3) + 0.001 * a} for a in (1, 2) for s in range(seeds)]
    made = table(results_of(runs, ["a"]), values=["last_loss"])
    assert not made.best
    assert said in made.notes


def test_the_best_of_more_epochs_is_not_marked() -> None:
    """A maximum over 5 epochs and one over 50 are not compared, and the note says what can be."""
    runs = [{"epochs": e, "seed": s, "max_accuracy": e / 100 + s / 1000} for e in (5, 50) for s in range(5)]
    made = table(replace(results_of(runs, ["epochs"]), metrics=("accuracy",)), values=["max_accuracy"])
    assert not made.best
    (note,) = [note for note in made.notes if "No best" in note]
    assert "best of 5 epochs in some runs and of 50 in others" in note
    assert "compare last_accuracy" in note


def test_a_table_without_a_direction_marks_nothing_and_says_what_to_type() -> None:
    """A metric that nobody knows to be better one way has no best cell; the note says what to write, once."""
    results = replace(results_of(ordered("last_whim", "last_loss"), ["a"]), metrics=("whim", "loss"))
    said = (
        "No best is marked for last_whim: it is not known whether more or less is better; "
        'say it in the sweep file: [metrics] whim = "max" or "min".'
    )
    both = table(results, values=["last_whim", "last_loss"])
    assert both.best == {((1,), (), 1)}
    assert [note for note in both.notes if "No best" in note] == [said]
    assert said not in table(results, values=["last_whim"], best=False).notes
    assert said not in table(replace(results, runs=results.runs[:1]), values=["last_whim"]).notes
    known = table(replace(results, directions={"val_whim": "min"}), values=["last_whim"])
    assert known.best == {((1,), (), 0)}
    assert said not in known.notes
