"""The page of reproductions: what is written into it is what the runs in a store came to."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.results import load
from hpcsweep.tables import table
from tests.conftest import REPOSITORY
from tests.made_results import TOY_SWEEP, make_study

SCRIPT = runpy.run_path(str(REPOSITORY / "docs" / "reproductions.py"))
ASKED = '[[expected]]\nwhere = {layers = 2, optimizer = "adam"}\nvalue = "last_val_accuracy"\nbetter_than = 0.5\n'


def test_a_part_tells_what_is_finished_and_the_verdicts(tmp_path: Path) -> None:
    """How many runs are finished, how long they took, and what was expected beside what came out."""
    made = make_study(tmp_path / "study", sweep_text=TOY_SWEEP + ASKED)
    told = SCRIPT["_told"](load(made.sweep, store=made.store))
    assert told.startswith("10 of 12 runs are finished; they took 0 min")
    assert "| better than 0.5 |" in told
    assert "| holds |" in told


def test_a_sweep_without_a_part_is_refused() -> None:
    """Nothing is written for a sweep that the page does not tell of; a kept file has a sweep and a part of the page."""
    with pytest.raises(ValueError, match="has no part for study9"):
        SCRIPT["filled"]("text", None, "study9")
    page = SCRIPT["PAGE"].read_text()
    names = [path.stem for path in SCRIPT["KEPT"].glob("*.json")]
    assert {"study1_epochs", "study5_own_net", "study3_long"} <= {*names}
    assert all(f"<!-- from the runs: {name} -->" in page for name in names)
    assert all((REPOSITORY / "sweeps" / f"{name}.toml").exists() for name in names)


def test_what_is_kept_is_what_the_runs_came_to(tmp_path: Path) -> None:
    """The cells of the table, and the first and last epoch of each setting's mean history, are those of the results."""
    made = make_study(tmp_path / "study")
    found = load(made.sweep, store=made.store)
    kept = SCRIPT["kept"](found)
    assert json.loads(json.dumps(kept)) == kept
    assert (kept["finished"], kept["runs"]) == (10, 12)
    assert [cell["n"] for cell in kept["cells"]] == [cell["n"] for cell in table(found).records()]
    history = found.history()
    curve = kept["history"][0]
    one = found.runs[(found.runs["layers"] == curve["layers"]) & (found.runs["optimizer"] == curve["optimizer"])]
    losses = history[history["id"].isin(one["id"])].groupby("epoch")["loss"].mean()
    assert (curve["epoch"][0], curve["epoch"][-1]) == (losses.index[0], losses.index[-1])
    assert (curve["loss"][0], curve["loss"][-1]) == pytest.approx((losses.iloc[0], losses.iloc[-1]), rel=1e-5)


def test_differences_are_those_that_seeds_do_not_explain() -> None:
    """A mean that moved by more than three standard errors, or is gone, is told; times of machines are not compared."""

    def cells(accuracy: float | None, time_s: float) -> dict[str, Any]:
        said = [("last_accuracy", accuracy, 0.01), ("mean_seconds", time_s, 0.1)]
        return {"cells": [{"epochs": 5, "metric": m, "mean": mean, "std": std, "n": 4} for m, mean, std in said]}

    before = cells(0.9, 1.0)
    assert not list(SCRIPT["differences"](before, cells(0.91, 9.0)))
    assert list(SCRIPT["differences"](before, cells(0.95, 1.0))) == [
        "epochs 5, metric last_accuracy: kept 0.9, now 0.95"
    ]
    assert list(SCRIPT["differences"](before, cells(None, 1.0))) == [
        "epochs 5, metric last_accuracy: kept 0.9, now missing"
    ]
