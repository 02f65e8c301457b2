"""The matrix of settings, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.made_sweeps import made_sweep
from tests.report.browsing import COPIED, click, opened, press, show, shown, until

ROWS = "return [...document.querySelectorAll('#matrix-table tbody tr')].map((row) => row.innerText)"


def test_many_rows_are_folded_and_unfold_by_the_keyboard(browser: Any, paths: dict[int, Path]) -> None:
    """48 rows fold by the first parameter into the best cells; Enter unfolds; a reload keeps that; copies have all."""
    from selenium.webdriver.common.keys import Keys

    done = made_sweep(864).runs.query("state == 'done'")
    means = done.groupby(["depth", "width", "opt", "lr"])["last_val_accuracy"].mean()
    page = opened(browser, paths[864])
    show(page, "matrix")
    folded = page.execute_script(ROWS)
    assert len(folded) == 4
    for depth, row in zip((1, 2, 4, 8), folded, strict=True):
        best = means[depth].groupby("lr").max()
        assert f"depth {depth} 12 rows" in row
        assert [cell.strip().partition(" ")[0] for cell in row.split("\t")[1:]] == [f"{number:.4f}" for number in best]
    assert "48 rows, folded by depth" in shown(page, "matrix-said")
    page.execute_script("document.querySelector('#matrix-table [data-fold]').focus()")
    press(page, Keys.TAB, *[Keys.TAB] * 6, Keys.ENTER)
    assert page.execute_script("return document.activeElement.dataset.fold") == "2"
    assert len(page.execute_script(ROWS)) == 4 + 12
    page.refresh()
    until(page, "document.documentElement.dataset.painted > 0")
    show(page, "matrix")
    assert len(page.execute_script(ROWS)) == 4 + 12
    page.execute_script(COPIED)
    click(page, "CSV", "#matrix-controls")
    assert len(page.execute_script("return window.copied").splitlines()) == 1 + 48


def test_a_cell_of_several_settings_has_no_spread(browser: Any, paths: dict[int, Path]) -> None:
    """± is over seeds only: a mean over other parameters stands alone, and what it combines is said."""
    page = opened(browser, paths[48], view="rows=layers&cols=optimizer")
    show(page, "matrix")
    rows = page.execute_script(ROWS)
    assert len(rows) == 2
    assert "±" not in "".join(rows)
    assert rows[0].count("(12)") == 2
    assert "each cell combines all values of neurons, learning_rate" in shown(page, "matrix-said")
