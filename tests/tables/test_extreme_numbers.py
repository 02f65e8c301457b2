"""How a table shows numbers that are infinite, tiny or far from the others."""

from __future__ import annotations

import json
import math

from hpcsweep.tables import render, table
from tests.made_results import results_of
from tests.tables.made import ordered


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
