"""The report in a real browser, at 48, 864 and 5,000 runs: it answers first, and everything obeys one condition."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.report import write_report
from tests.made_results import make_result
from tests.made_sweeps import in_memory, made_sweep
from tests.report.browsing import (
    COPIED,
    click,
    condition_results,
    listed,
    opened,
    press,
    show,
    shown,
    type_condition,
    until,
)
from tests.report.conditions import CONDITIONS

HOSTILE = "<script>window.broken=1</script><img src=x onerror='window.broken=2'>"
SAVED = "URL.createObjectURL = (blob) => { window.saved = blob; return 'data:,'; }"


@pytest.mark.parametrize("runs", [48, 864, 5000])
def test_it_answers_first_without_error_or_request(browser: Any, paths: dict[int, Path], runs: int) -> None:
    """The answer, its dots, the effects and the doubts are on the first screen of a desktop and of a phone, light and
    dark; nothing scrolls sideways, nothing is requested, and the console has no error."""
    for width, height, dark in ((1400, 900, False), (390, 844, True)):
        page = opened(browser, paths[runs], width=width, height=height, dark=dark)
        first = "['#headline', '#dots svg', '#forest svg', '#doubts']"
        until(page, f"{first}.every((one) => document.querySelector(one)?.childNodes.length)")
        ends = page.execute_script(
            f"return {first}.map((one) => document.querySelector(one).getBoundingClientRect().bottom)"
        )
        assert max(ends) <= height, ends
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        assert page.execute_script("return document.documentElement.dataset.theme") == ("dark" if dark else "light")
        assert re.match(r"Best last_val_accuracy\s+0\.9\d+ ± 0\.0\d+", shown(page, "headline"))
        requested = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert [name for name in requested if not name.startswith(("data:", "blob:"))] == []
    for section in ("curves", "matrix", "parallel", "runs", "failures", "again"):
        show(browser, section)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_field_answers_as_where_does(browser: Any, folder: Path) -> None:
    """Each condition of the table keeps the same runs in the page as `--where` does, or is refused in words."""
    page = opened(browser, write_report(condition_results(), folder / "conditions.html"))
    show(page, "runs")
    wrong = {}
    for text, expected in CONDITIONS.items():
        type_condition(page, text)
        error = shown(page, "where-error")
        found = None if error else sorted(listed(page))
        if found != expected:
            wrong[text] = (found, error)
    assert wrong == {}
    type_condition(page, "layer == 2")
    assert 'no column is called "layer" (did you mean "layers"?)' in shown(page, "where-error")


def test_conditions_are_completed_and_chips_take_them_away(browser: Any, paths: dict[int, Path]) -> None:
    """Columns and values are offered; states and doubts filter by a click; each condition is a chip that goes again."""
    page = opened(browser, paths[864])
    press(page, "/", "o", "p")
    assert "opt" in shown(page, "completion")
    page.execute_script("document.getElementById('where').value = 'opt == '")
    press(page, "a")
    assert "'adagrad'" in shown(page, "completion")
    type_condition(page, "opt == 'adam' and depth <= 2")
    assert "108 of 864 runs" in shown(page, "chips")
    click(page, "opt == 'adam'", "#chips")
    assert "where=depth+%3C%3D+2" in page.current_url
    type_condition(page, "")
    click(page, "18 failed", "#states")
    assert "18 of 864 runs" in shown(page, "chips")
    click(page, "18 failed", "#states")
    click(page, "36 collapsed", "#doubts")
    assert "36 of 864 runs" in shown(page, "chips")


def test_a_view_survives_a_reload_and_can_be_shared(browser: Any, paths: dict[int, Path]) -> None:
    """Filter, metric, selection and open run are in the address, and come back from it."""
    page = opened(browser, paths[864], view="where=depth+%3D%3D+2&value=min_val_loss&colour=opt&smooth=0.5")
    show(page, "runs")
    press(page, "j", "x", "j", "x", "c")
    until(page, "!document.getElementById('drawer').hidden")
    address = page.current_url
    assert "open=compare" in address
    page.refresh()
    until(page, "document.documentElement.dataset.painted > 0")
    assert page.current_url == address
    assert "2 runs side by side" in shown(page, "drawer")
    assert shown(page, "headline").startswith("Best min_val_loss")
    assert "216 of 864 runs" in shown(page, "chips")


def test_the_keyboard_is_enough(browser: Any, paths: dict[int, Path]) -> None:
    """Tab reaches the skip link first; j, k, x, Enter, c, ? and Escape do what the help says."""
    from selenium.webdriver.common.keys import Keys

    page = opened(browser, paths[48])
    press(page, Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the runs"
    press(page, Keys.ENTER)
    assert page.execute_script("return document.activeElement.id") == "list"
    until(page, "document.querySelector('#list-body .row.at')")
    press(page, "j", "j", "k", "x", Keys.ENTER)
    assert "Do not compare" in shown(page, "drawer")
    press(page, "j")
    assert "Compare (x)" in shown(page, "drawer")
    press(page, Keys.ESCAPE, "?")
    assert "compare the selected runs" in shown(page, "help")
    press(page, Keys.ESCAPE)
    assert page.execute_script(
        "return document.getElementById('help').hidden && document.getElementById('drawer').hidden"
    )


def test_compared_runs_have_one_colour_each_everywhere(browser: Any, paths: dict[int, Path]) -> None:
    """Two to ten selected runs keep their colours in chips, list and drawer; only differing parameters are compared."""
    page = opened(browser, paths[864])
    show(page, "runs")
    press(page, *("jx" * 11))
    assert "At most 10 runs" in shown(page, "said")
    colours = """
      return [...document.querySelectorAll(`${arguments[0]} svg path:first-child`)]
        .map((one) => one.getAttribute('stroke'))
    """
    chips = page.execute_script(colours, "#chips")
    assert len(set(chips)) == len(chips) == 10
    press(page, "c")
    assert page.execute_script(colours, "#drawer thead") == chips
    assert page.execute_script(colours, "#list-body .pick") == chips
    assert "dropout" not in shown(page, "drawer")


def test_a_row_lights_its_run_in_every_chart(browser: Any, paths: dict[int, Path]) -> None:
    """Pointing at a row of the list draws its run over the curves and the parallel chart; leaving clears it."""
    page = opened(browser, paths[48], height=3600)
    until(page, "document.querySelectorAll('.layers').length === 2 && document.querySelector('#list-body .row')")
    inked = """
      return [...document.querySelectorAll('.layers canvas + canvas')].map((canvas) =>
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0))
    """
    assert page.execute_script(inked) == [False, False]
    row = "document.querySelector('#list-body .row').dispatchEvent(new Event(arguments[0]))"
    page.execute_script(row, "mouseenter")
    assert page.execute_script(inked) == [True, True]
    page.execute_script(row, "mouseleave")
    assert page.execute_script(inked) == [False, False]


def test_a_drag_along_an_axis_filters(browser: Any, paths: dict[int, Path]) -> None:
    """A drag over the upper half of an axis of two values keeps the runs with the upper one."""
    from selenium.webdriver.common.action_chains import ActionChains

    page = opened(browser, paths[48])
    show(page, "parallel")
    canvas = page.find_element("css selector", "#parallel-chart canvas + canvas")
    size = canvas.size
    start = (46 - size["width"] / 2, 30 - size["height"] / 2)
    drag = ActionChains(page).move_to_element_with_offset(canvas, int(start[0]), int(start[1])).click_and_hold()
    drag.move_by_offset(0, 120).release().perform()
    until(page, "location.hash.includes('layers+in+%5B2%5D')")
    assert "24 of 48 runs" in shown(page, "chips")


def test_everything_can_be_copied_and_saved(browser: Any, paths: dict[int, Path]) -> None:
    """The matrix is copied as CSV, LaTeX and Markdown; charts are saved as SVG and PNG."""
    page = opened(browser, paths[48])
    show(page, "matrix")
    page.execute_script(f"{COPIED}; {SAVED}")
    copies = {}
    for form in ("CSV", "LaTeX", "Markdown"):
        click(page, form, "#matrix-controls")
        copies[form] = page.execute_script("return window.copied").splitlines()
    assert copies["CSV"][0] == "layers,neurons,optimizer,learning_rate 0.001,learning_rate 0.01"
    assert (len(copies["CSV"]), len(copies["Markdown"])) == (9, 10)
    assert copies["LaTeX"][2].startswith(r"layers & neurons & optimizer & learning\_rate 0.001")
    for section, first in (("dots", "<svg"), ("curves-controls", "<svg"), ("matrix-controls", "<svg")):
        click(page, "SVG", f"#{section}")
        text = page.execute_async_script("window.saved.text().then(arguments[0])")
        assert text.startswith(first)
        assert "NaN" not in text
    click(page, "PNG", "#curves-controls")
    until(page, "window.saved.type === 'image/png' && window.saved.size > 5000")


def test_5000_runs_answer_at_once(browser: Any, paths: dict[int, Path]) -> None:
    """A condition over 5,000 runs is answered within 100 ms, and only the rows that can be seen are in the page."""
    assert paths[5000].stat().st_size < 15e6
    page = opened(browser, paths[5000])
    script = """
      const field = document.getElementById("where"), begun = performance.now();
      field.value = arguments[0];
      field.dispatchEvent(new Event("input", { bubbles: true }));
      return performance.now() - begun;
    """
    times_ms = sorted(page.execute_script(script, f"depth <= {n} and opt != 'sgd'") for n in (1, 2, 4, 6, 8))
    assert times_ms[2] < 100
    show(page, "runs")
    assert 10 < len(listed(page)) < 60
    page.execute_script("document.getElementById('list').scrollTop = 20000")
    until(page, "Number(document.querySelector('#list-body .row').getAttribute('aria-rowindex')) > 600")


def test_hostile_text_stays_text(browser: Any, folder: Path) -> None:
    """A title, a name, a value and an address that are HTML are shown letter by letter, and nothing runs."""
    history = {"epoch": range(3), "val_accuracy": [0.1, 0.5, 0.6], "a<b>b</b>": [1, 2, 3]}
    made = [
        make_result({"name": name, "<i>p</i>": place}, seed, history=history)
        for place, name in enumerate((HOSTILE, "tame"))
        for seed in range(3)
    ]
    path = write_report(in_memory(made), folder / "hostile.html", title=HOSTILE)
    page = opened(
        browser, path, height=3200, view=f"where={HOSTILE}&selected={HOSTILE}&colour={HOSTILE}&open={HOSTILE}"
    )
    assert page.find_element("tag name", "h1").get_attribute("textContent") == HOSTILE
    assert "cannot be read" in shown(page, "where-error")
    page = opened(browser, path, height=3200, view=f"colour=name&open={made[0].id[:12]}")
    until(page, "document.querySelector('#list-body .row')")
    assert HOSTILE in page.execute_script("return document.getElementById('drawer').textContent")
    assert HOSTILE in page.execute_script("return document.getElementById('runs').textContent")
    assert page.execute_script("return window.broken") is None
    assert page.execute_script("return document.images.length") == 0


def test_it_follows_a_sweep_until_all_is_done(browser: Any, folder: Path) -> None:
    """While runs are open, the page loads itself anew when the file was due, and keeps its view; then it stops."""
    path = write_report(made_sweep(48, unfinished=6), folder / "live.html", next_s=3)
    page = opened(browser, path, height=500, view="where=layers+%3D%3D+2")
    assert "next" in shown(page, "live")
    page.execute_script("scrollTo(0, 300)")
    write_report(made_sweep(48), path, next_s=3)
    until(page, "document.querySelectorAll('#states .part').length === 1")
    until(page, "document.documentElement.dataset.painted > 0 && scrollY === 300")
    assert "24 of 48 runs" in shown(page, "chips")
    assert "next" not in shown(page, "live")
    page.execute_script("window.same = true")
    time.sleep(5)
    assert page.execute_script("return window.same") is True


def test_it_prints_on_two_pages(browser: Any, paths: dict[int, Path]) -> None:
    """On paper are the answer, the curves, the settings and the failures: two sheets of A4, at 48 and 864 runs."""
    for runs in (48, 864):
        page = opened(browser, paths[runs])
        pdf = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2
