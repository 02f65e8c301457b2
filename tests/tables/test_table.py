"""The comparison table: its numbers, its honesty, its layout."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.statistics import best
from hpcsweep.tables import render, table
from tests.made_results import MakeStore, make_result, results_of

RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "layers": st.sampled_from([1, 2, 3]),
            "optimizer": st.sampled_from(["adam", "adagrad"]),
            "hidden": st.sampled_from([(8,), (8, 8)]),
            "state": st.sampled_from(["done", "done", "done", "failed", "diverged", "new"]),
            "last_score": st.floats(-1e6, 1e6),
        }
    ),
    min_size=1,
    max_size=40,
)


@given(runs=RUNS, rows=st.sampled_from([["layers"], ["layers", "hidden"]]), cols=st.sampled_from([[], ["optimizer"]]))
def test_cells_equal_an_independent_pandas_computation(runs: list[Any], rows: list[str], cols: list[str]) -> None:
    """Mean, std (ddof=1) and n of every cell are what pandas groupby gives for the runs that are done."""
    results = results_of(runs, ["layers", "optimizer", "hidden"])
    pool = [name for name in results.parameters if name not in (*rows, *cols)]
    made = table(results, rows=rows, cols=cols, values=["last_score"], pool=pool)
    done = pd.DataFrame(runs).query("state == 'done'")
    expected = done.groupby([*rows, *cols])["last_score"].agg(["mean", "std", "count"]) if len(done) else None
    seen = 0
    for (row, col, _), cell in made.cells.items():
        key = (*row, *col)
        index = key if len(key) > 1 else key[0]
        if expected is None or index not in expected.index:
            assert (cell.mean, cell.std, cell.n) == (None, None, 0)
            continue
        line = expected.loc[[index]].iloc[0]
        seen += 1
        assert cell.n == line["count"]
        assert cell.mean == pytest.approx(line["mean"], rel=1e-9, abs=1e-6)
        if cell.n > 1:
            assert cell.std == pytest.approx(line["std"], rel=1e-6, abs=1e-3)
        else:
            assert cell.std is None
    assert seen == (0 if expected is None else len(expected))
    assert sum(cell.total for cell in made.cells.values()) == len(runs)


@given(runs=RUNS)
def test_no_run_is_lost_in_any_format(runs: list[Any]) -> None:
    """The states counted in the JSON cells add up to all runs, and every format can be written."""
    made = table(results_of(runs, ["layers", "optimizer", "hidden"]), values=["last_score"])
    cells = json.loads(render(made, "json"))
    assert sum(sum(cell["states"].values()) for cell in cells) == len(runs)
    for form in ("text", "md", "csv", "latex", "html"):
        assert render(made, form).endswith("\n")


def grid(**changes: Any) -> Any:
    """Two optimizers by two depths by three seeds; the score is 10 * layers + seed."""
    runs = [
        {"layers": n, "optimizer": o, "seed": s, "last_score": 10.0 * n + s}
        for n in (2, 3)
        for o in ("adam", "adagrad")
        for s in range(3)
    ]
    for index, change in changes.get("at", {}).items():
        runs[index].update(change)
    return results_of(runs, ["layers", "optimizer"])


def test_json_has_exactly_the_fields_that_others_build_on() -> None:
    """Each JSON object has the parameters by name, metric, mean, std, n and states."""
    cells = json.loads(render(table(grid(), values=["last_score"]), "json"))
    assert cells[0] == {
        "layers": 2,
        "optimizer": "adam",
        "metric": "last_score",
        "mean": 21.0,
        "std": 1.0,
        "n": 3,
        "states": {"done": 3},
    }
    assert len(cells) == 4


def test_failed_diverged_and_missing_runs_are_shown_and_counted() -> None:
    """Runs without a number stand in their cell by name, and are counted below the table."""
    lost = {0: {"state": "failed"}, 1: {"state": "failed"}, 2: {"state": "failed"}, 3: {"state": "diverged"}}
    lost |= {6: {"state": "new"}, 7: {"state": "new"}, 8: {"state": "new"}}
    text = render(table(grid(at=lost), rows=["layers"], cols=["optimizer"], values=["last_score"]), "text")
    first, second = [line for line in text.splitlines() if line.startswith(("2 ", "3 "))]
    assert "failed" in first
    assert "21.5 ± 0.7 (2/3)" in first
    assert "missing" in second
    assert "Not in the numbers: 7 of 12 runs: 1 diverged, 3 failed, 3 missing (new)." in text


def test_only_seeds_are_averaged_unless_one_says_what_to_pool() -> None:
    """A parameter that was given no place heads rows of its own; to pool it is said below, and by --pool alone."""
    made = table(grid(), rows=["layers"], values=["last_score"])
    assert made.spec.rows == ("layers", "optimizer")
    assert {(cell.n, cell.std) for cell in made.cells.values()} == {(3, 1.0)}
    pooled = table(grid(), rows=["layers"], pool=["optimizer"], values=["last_score"])
    assert {cell.n for cell in pooled.cells.values()} == {6}
    said = "Pooled: n and the spread are not over seeds alone, but over all values of optimizer (adam, adagrad)."
    assert said in pooled.notes
    assert not any("Pooled" in note for note in made.notes)
    with pytest.raises(UsageError, match='no parameter is called "optimiser"'):
        table(grid(), pool=["optimiser"], values=["last_score"])


def test_a_parameter_that_divides_nothing_further_heads_no_row() -> None:
    """Of two parameters that change in step one row head is enough, the one that was asked for."""
    runs = [{"a": a, "b": 2 * a, "seed": s, "last_score": 1.0 * s} for a in (1, 2) for s in range(2)]
    assert table(results_of(runs, ["a", "b"]), rows=["b"], values=["last_score"]).spec.rows == ("b",)


def test_a_single_run_shows_no_spread() -> None:
    """One run has a mean and n = 1, no ±; in JSON std is null."""
    results = results_of([{"a": 1, "last_score": 0.5}, {"a": 2, "last_score": 0.25}], ["a"])
    assert "±" not in render(table(results, values=["last_score"]), "text").split("A cell")[0]
    assert [cell["std"] for cell in json.loads(render(table(results, values=["last_score"]), "json"))] == [None, None]


def test_the_default_layout_puts_what_varies_in_rows_and_few_values_in_columns() -> None:
    """Without a wish, the varying parameters head the rows, the last with few values the columns."""
    made = table(grid(), values=["last_score"])
    assert (made.spec.rows, made.spec.cols) == (("layers",), ("optimizer",))
    star = [{"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 2, "b": 0}, {"a": 0, "b": 1}, {"a": 0, "b": 2}]
    made = table(results_of([{**run, "last_score": 1.0} for run in star], ["a", "b"]), values=["last_score"])
    assert (made.spec.rows, made.spec.cols) == (("a", "b"), ())


def ordered(*names: str, seeds: int = 3) -> list[dict[str, Any]]:
    """Three settings whose numbers grow from one to the next, far beyond the spread of the seeds."""
    rng = np.random.default_rng(0)
    points = [(n, s) for n in (1, 2, 3) for s in range(seeds)]
    return [{"a": n, "seed": s, **{name: n / 4 + 0.001 * rng.normal() for name in names}} for n, s in points]


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


def test_runs_far_worse_are_told_beside_the_mean() -> None:
    """Where a run is far worse than the others of its cell, the note has the median and the interquartile mean."""
    runs = [
        {"a": a, "seed": s, "last_accuracy": 0.1 if (a, s) == (2, 3) else 0.9 + 0.001 * s}
        for a in (1, 2)
        for s in range(5)
    ]
    (note,) = [one for one in table(results_of(runs, ["a"]), values=["last_accuracy"]).notes if "far worse" in one]
    assert "2: 1 of 5, mean 0.741, median 0.901, interquartile mean 0.901" in note


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


def test_other_statistics_show_what_they_say() -> None:
    """median, iqm, range, min, max and ci are those of NumPy and SciPy, and of the definition of the interval."""
    from scipy import stats

    numbers = [1.0, 2.0, 4.0, 9.0, 11.0, 20.0, 21.0, 30.0]
    results = results_of([{"a": 1, "last_x": number} for number in numbers], ["a"])
    kinds = ("median", "iqm", "min", "max", "range", "ci")
    cells = {k: json.loads(render(table(results, values=["last_x"], kind=k), "json"))[0] for k in kinds}
    assert (cells["median"]["median"], cells["min"]["min"], cells["max"]["max"]) == (10.0, 1.0, 30.0)
    assert cells["iqm"]["iqm"] == pytest.approx(stats.trim_mean(numbers, 0.25))
    assert (cells["range"]["low"], cells["range"]["high"]) == (1.0, 30.0)
    assert (cells["ci"]["median"], cells["ci"]["low"], cells["ci"]["high"]) == (10.0, 1.0, 30.0)


def test_an_interval_of_few_runs_is_the_runs() -> None:
    """Of fewer than five runs there is no interval that holds often enough, and the cell shows the runs."""
    results = results_of([{"a": 1, "last_x": number} for number in (9.0, 1.5, 4.0)], ["a"])
    made = table(results, values=["last_x"], kind="ci")
    assert "1.5, 4.0, 9.0 (3)" in render(made)
    assert "of fewer than 5 runs, with which there is no such interval, the runs themselves" in made.notes[0]
    assert json.loads(render(made, "json"))[0]["low"] is None


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


def test_the_study_layout_starts_with_the_base_and_names_each_change() -> None:
    """`columns="s3"` lists the base, then each change from it, with avg/min loss and avg/max accuracy."""
    base = {"optimizer": "adam", "epochs": 10, "layers": (8, 8)}
    settings = [{**base, "epochs": 100}, {**base, "optimizer": "adagrad"}, base, {**base, "layers": (8, 8, 8)}]
    numbers = {"mean_loss": 2.0, "min_loss": 1.0, "mean_accuracy": 0.1, "max_accuracy": 0.2}
    text = render(table(results_of([{**s, **numbers} for s in settings], list(base)), columns="s3"))
    labels = [line.split("   ")[0] for line in text.splitlines()[4:8]]
    assert labels == [
        "base: optimizer adam, epochs 10, layers [8, 8]",
        "epochs 100",
        "optimizer adagrad",
        "layers [8, 8, 8]",
    ]
    assert text.splitlines()[0] == "made up: avg loss, min loss, avg acc, max acc"


def test_what_heads_the_columns_is_no_change_from_the_base() -> None:
    """A study that is repeated across another parameter has one base and the same changes in each of its columns."""
    settings = [
        {"layers": layers, "neurons": neurons, "scaled": scaled, "max_accuracy": layers + neurons + scaled}
        for layers, neurons in ((2, 8), (3, 8), (2, 16))
        for scaled in (True, False)
    ]
    made = table(
        results_of(settings, ["layers", "neurons", "scaled"]), cols=["scaled"], values=["max_accuracy"], columns="s3"
    )
    assert [row for (row,) in made.row_keys] == ["base: layers 2, neurons 8", "layers 3", "neurons 16"]
    assert {cell.numbers for cell in made.cells.values()} == {(11.0,), (10.0,), (12.0,), (11.0,), (19.0,), (18.0,)}


def test_reaching_a_threshold_is_counted_in_epochs_and_seconds(make_store: MakeStore) -> None:
    """epochs_to gives the first epoch that meets the condition; runs that never do are left out and counted."""
    history = {"epoch": range(5), "val_accuracy": [0.1, 0.5, 0.85, 0.7, 0.9], "seconds": [1.0] * 5}
    slow = {**history, "val_accuracy": [0.1] * 5}
    root = make_store([make_result({"a": 1}, history=history), make_result({"a": 1}, 1, history=slow)]).root
    made = table(root, values=["epochs_to(val_accuracy >= 0.8)", "seconds_to(val_accuracy>=0.8)"])
    epochs, seconds = made.cells.values()
    assert (epochs.numbers, epochs.unreached) == ((2.0,), 1)
    assert seconds.numbers == (3.0,)
    assert "1 run never got there and is left out" in render(made)


def test_columns_of_ours_can_head_rows() -> None:
    """The seed, the device and other columns may head rows like a parameter."""
    made = table(grid(), rows=["seed"], cols=["optimizer"], values=["last_score"], pool=["layers"])
    assert [key for (key,) in made.row_keys] == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": ["layer"]}, 'no parameter is called "layer" (did you mean "layers"?)'),
        ({"values": ["last_scor"]}, '(did you mean "last_score"?)'),
        ({"kind": "average"}, "expected one of mean, ci"),
        ({"rows": ["layers"], "cols": ["layers"]}, "twice"),
        ({"columns": "s4"}, "expected s3 or s3-val"),
        ({"values": ["epochs_to(val_accuracy)"]}, "expected epochs_to(METRIC >= NUMBER)"),
        ({"values": ["epochs_to(nothing>=1)"]}, 'no metric is called "nothing"'),
        ({"values": ["print(1)"]}, "expected epochs_to"),
    ],
)
def test_a_wrong_wish_is_refused_with_the_right_name(options: dict[str, Any], message: str) -> None:
    """A row, value, statistic or layout that does not exist is refused, with the nearest name."""
    with pytest.raises(UsageError) as refused:
        table(grid(), **{"values": ["last_score"], **options})
    assert message in str(refused.value)


def test_nothing_selected_is_said() -> None:
    """A filter that leaves nothing raises NothingSelectedError, exit code 3."""
    with pytest.raises(NothingSelectedError, match="none of the 12 runs"):
        table(grid(), where="layers > 7")


def test_infinite_numbers_do_not_break_a_table() -> None:
    """An infinite loss of a finished run is shown as such and said, and is never the best."""
    runs = [{**run, "last_loss": math.inf if run["a"] == 1 else run["last_loss"]} for run in ordered("last_loss")]
    made = table(results_of(runs, ["a"]), values=["last_loss"])
    assert "inf" in render(made)
    assert "is infinite" in render(made)
    assert made.best == {((2,), (), 0)}
    assert json.loads(render(made, "json"))[0]["mean"] == "inf"


def test_small_numbers_do_not_look_like_nothing() -> None:
    """A mean far below the others is shown with its digits, in scientific notation if need be, never as 0.000."""
    runs = [
        {"a": n, "seed": s, "last_loss": value + 0.01 * value * s}
        for n, value in enumerate((1e-9, 1.0))
        for s in (0, 1)
    ]
    assert "1.00e-09" in render(table(results_of(runs, ["a"]), values=["last_loss"], kind="min"))
    runs = [{"a": n, "last_loss": value} for n, value in enumerate((0.002, 3.5))]
    assert "0.002 (1)" in render(table(results_of(runs, ["a"]), values=["last_loss"]))


def test_an_extreme_group_leaves_the_other_cells_as_they_are() -> None:
    """A loss that exploded, or one that is almost 0, is in scientific notation; the cells beside it stay readable."""
    runs = [
        {"a": n, "seed": s, "last_loss": value + 0.01 * value * s}
        for n, value in enumerate((7.0, 6.5, 1e12, 3e-7, 7.5))
        for s in (0, 1)
    ]
    text = render(table(results_of(runs, ["a"]), values=["last_loss"]))
    cells = [line.split(maxsplit=1)[1].rstrip("*") for line in text.splitlines()[4:9]]
    assert cells == [
        "7.035 ± 0.049 (2)",
        "6.533 ± 0.046 (2)",
        "1.00e+12 ± 7.07e+09 (2)",
        "3.01e-07 ± 2.12e-09 (2)",
        "7.537 ± 0.053 (2)",
    ]


def test_a_sweep_of_which_nothing_is_finished_has_a_table_of_missing_cells() -> None:
    """Before the first run is done, a table shows what is missing, failed or running, whatever value is asked for."""
    states = ("new", "running", "failed")
    runs = [{"a": n, "state": state} for n, state in enumerate(states)]
    for value in ("last_val_accuracy", "epochs_to(val_accuracy>=0.8)"):
        text = render(table(results_of(runs, ["a"]), values=[value]))
        assert [line.split()[1] for line in text.splitlines()[4:7]] == ["missing", "running", "failed"]
        assert "Not in the numbers: 3 of 3 runs" in text
    with pytest.raises(NothingSelectedError, match="no run is finished yet"):
        table(results_of(runs, ["a"]))
