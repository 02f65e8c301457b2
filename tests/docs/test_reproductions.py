"""The page of reproductions: what is written into it is what the runs in a store came to."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from hpcsweep.results import load
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
    """Nothing is written for a sweep that the page does not tell of; the page has a part for those that it names."""
    with pytest.raises(ValueError, match="has no part for study9"):
        SCRIPT["filled"]("text", "store", "study9")
    page = SCRIPT["PAGE"].read_text()
    assert all(f"<!-- from the runs: {name} -->" in page for name in ("study5_own_net", "study3_long"))
