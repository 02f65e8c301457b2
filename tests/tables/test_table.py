"""The comparison table: its numbers, its honesty, its layout."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.tables import render, table
from tests.made_results import MakeStore, make_result, results_of
from tests.tables.made import grid

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
