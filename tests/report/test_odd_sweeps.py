"""Pages of sweeps of unusual shapes: nothing breaks, no label is cut, and the numbers are in sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpcsweep.report import write_report
from hpcsweep.store import Result
from tests.made_results import make_result
from tests.made_sweeps import in_memory
from tests.report.browsing import opened, press, show, until

LONG = "path/to/some/very/long/folder/name/that/does/not/end/soon.npz"
WIDE = {f"a_rather_long_name_{n}": [0.1234567890123, 1 / 3, True, "relu"][n % 4] for n in range(11)}


def runs_of(settings: list[dict[str, Any]], seeds: int = 3) -> list[Result]:
    """Seeds of settings, each with another accuracy."""
    values = [0.1, 0.8, 0.9]
    return [
        make_result(
            one, seed, history={"epoch": [0, 1, 2], "val_accuracy": [v - at / 100 - seed / 1000 for v in values]}
        )
        for at, one in enumerate(settings)
        for seed in range(seeds)
    ]


SWEEPS: dict[str, list[Result]] = {
    "one run": runs_of([{"layers": 2}], seeds=1),
    "seeds of one setting": runs_of([{"layers": 2}], seeds=5),
    "long values": runs_of([{"data": text, "by": by} for text in (LONG, "<b>x</b>", "") for by in ("none", "['x']")]),
    "many parameters": runs_of([{**WIDE, "rate": 0.01234567890123 * n} for n in range(1, 8)]),
    "no number": [make_result({"size": size}, history={}) for size in (1, 2)],
}


@pytest.mark.parametrize("name", SWEEPS)
def test_odd_sweeps_have_whole_pages(browser: Any, folder: Path, name: str) -> None:
    """On a desktop and a phone no label begins left of its chart, the values of the settings are in sight, and the
    console has no error."""
    path = write_report(in_memory(SWEEPS[name], title=name), folder / "odd.html")
    for width in (1400, 390):
        page = opened(browser, path, width=width)
        until(page, "document.querySelector('#dots text')")
        starts = page.execute_script(
            "return [...document.querySelectorAll('#dots text, #forest text')].map((one) => one.getBBox().x)"
        )
        assert min(starts) >= -1
        show(page, "matrix")
        cells = "[...document.querySelectorAll('#matrix-table .one-value td')]"
        ends = page.execute_script(f"return {cells}.map((one) => one.getBoundingClientRect().right)")
        assert all(end <= width for end in ends)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_curves_of_a_run_stand_two_by_two(browser: Any, paths: dict[int, Path]) -> None:
    """The drawer of a run shows its four curves in two rows, and begins at the edge of a phone."""
    page = opened(browser, paths[48])
    press(page, "j", "\ue007")
    places = "[...document.querySelectorAll('#drawer .small-curves svg')].map((one) => one.getBoundingClientRect().top)"
    until(page, f"{places}.length === 4")
    assert len(set(page.execute_script(f"return {places}"))) == 2
    page = opened(browser, paths[48], width=390)
    press(page, "j", "\ue007")
    until(page, "!document.getElementById('drawer').hidden")
    assert page.execute_script("return document.getElementById('drawer').getBoundingClientRect().left") >= 0


def test_print_shows_the_notes(browser: Any, paths: dict[int, Path]) -> None:
    """What is to be doubted is printed in full, though the page has it folded."""
    page = opened(browser, paths[48])
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    unfolded = page.execute_script("return [...document.querySelectorAll('#doubts details')].map((one) => one.open)")
    assert unfolded
    assert all(unfolded)
