"""The list of runs and the drawer beside it, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpcsweep.report import write_report
from hpcsweep.statistics import best
from tests.made_results import make_result
from tests.made_sweeps import in_memory, made_sweep
from tests.report.browsing import click, opened, show, shown, type_condition

MARKED = "return [...document.querySelectorAll('#list-body .row .left')].map((one) => one.textContent)"
NAMES = "return [...document.querySelectorAll('#list-body .row .name')].map((one) => one.textContent)"


def test_the_list_marks_what_best_leaves(browser: Any, paths: dict[int, Path]) -> None:
    """Bold in the list are exactly the settings that `best` cannot tell from the best, as runs and as settings."""
    results = made_sweep(48)
    left = best(results, "last_val_accuracy").left[list(results.varying())]
    names = {" · ".join(map(str, setting)) for setting in left.itertuples(index=False)}
    page = opened(browser, paths[48], height=3600)
    page.execute_script("document.getElementById('list').style.maxHeight = '1500px'")
    show(page, "runs")
    click(page, "run (best first)", "#list-head")
    marked = page.execute_script(MARKED)
    assert {name.rpartition(" · ")[0] for name in marked} == names
    assert len(marked) == 3 * len(names) < 48
    page.find_element("css selector", "#list-controls input").click()
    assert set(page.execute_script(MARKED)) == names
    type_condition(page, "layers == 2")
    assert page.execute_script(MARKED) == []


def test_names_have_as_many_digits_as_tell_values_apart(browser: Any, folder: Path) -> None:
    """In names a long number is rounded, but never so far that two values look alike."""
    rates = (0.00080387286, 0.000803872861, 0.71038345994)
    made = [make_result({"lr": rate, "width": width}, seed) for rate in rates for width in (8, 16) for seed in (0, 1)]
    page = opened(browser, write_report(in_memory(made), folder / "names.html"))
    show(page, "runs")
    names = {name.rpartition(" · ")[0] for name in page.execute_script(NAMES)}
    assert names == {
        f"{rate} · {width}" for rate in ("0.00080387286", "0.000803872861", "0.71038346") for width in (8, 16)
    }


def test_without_any_number_the_page_says_so(browser: Any, folder: Path) -> None:
    """A sweep whose runs all failed has no effects, no curves and no means; nothing else is claimed of them."""
    runs = [make_result({"lr": rate}, seed) for rate in (0.1, 0.2) for seed in (0, 1)]
    failed = in_memory(runs, {run.id: ("failed", "out of memory") for run in runs})
    page = opened(browser, write_report(failed, folder / "failed.html"), height=2400)
    show(page, "failures")
    for place in ("forest", "matrix-said"):
        assert "No run has a number yet." in shown(page, place)
    assert "4 runs failed: out of memory" in shown(page, "failures-list")
