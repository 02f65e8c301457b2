"""The list of runs and the drawer beside it, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpcsweep.statistics import best
from tests.made_sweeps import made_sweep
from tests.report.browsing import click, opened, show, type_condition

MARKED = "return [...document.querySelectorAll('#list-body .row .left')].map((one) => one.textContent)"


def test_the_list_marks_what_best_leaves(browser: Any, paths: dict[int, Path]) -> None:
    """Bold in the list are exactly the settings that `best` cannot tell from the best, as runs and as settings."""
    results = made_sweep(48)
    left = best(results, "last_val_accuracy").left[list(results.varying())]
    names = {" · ".join(map(str, setting)) for setting in left.itertuples(index=False)}
    page = opened(browser, paths[48], height=3600)
    page.execute_script("document.getElementById('list').style.height = '1500px'")
    show(page, "runs")
    click(page, "run (best first)", "#list-head")
    marked = page.execute_script(MARKED)
    assert {name.rpartition(" · ")[0] for name in marked} == names
    assert len(marked) == 3 * len(names) < 48
    page.find_element("css selector", "#list-controls input").click()
    assert set(page.execute_script(MARKED)) == names
    type_condition(page, "layers == 2")
    assert page.execute_script(MARKED) == []
