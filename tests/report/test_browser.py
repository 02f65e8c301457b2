"""The report in a real browser: it sorts, filters, selects, has no error, and hostile values stay text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.report import write_report
from tests.made_results import fill_store, make_result

HOSTILE = "<script>window.broken=1</script><img src=x onerror='window.broken=2'>"
READY_S = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; without it the tests are skipped here, and fail in CI."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        reason = "no Chromium and chromedriver (Debian: apt-get install chromium chromium-driver)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI shall test the report in a browser: {reason}")
        pytest.skip(reason)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "enable-unsafe-swiftshader"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 18 runs, one of them diverged, one with a hostile value."""
    folder = tmp_path_factory.mktemp("report")
    made = []
    for n, (optimizer, layers) in enumerate((o, n) for o in ("adam", "sgd", HOSTILE) for n in (1, 2)):
        for seed in range(3):
            curve = np.linspace(0.1, 0.5 + 0.05 * n + 0.01 * seed, 6)
            history = {
                "epoch": range(6),
                "val_accuracy": curve,
                "loss": 1 - curve,
                "top-5 acc": curve,
                "seconds": [0.1] * 6,
            }
            outcome = "diverged" if (n, seed) == (0, 0) else "done"
            made.append(make_result({"optimizer": optimizer, "layers": layers}, seed, outcome=outcome, history=history))
    return write_report(fill_store(folder / "results", made).root, folder / "report.html", title=f"study {HOSTILE}")


@pytest.fixture
def page(browser: Any, page_path: Path) -> Any:
    """The report, just opened and drawn, on a desktop."""
    return opened(browser, page_path, width=1280, dark=False)


def opened(browser: Any, path: Path, *, width: int, dark: bool) -> Any:
    """Open the report and wait until its script has run."""
    from selenium.webdriver.support.ui import WebDriverWait

    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(path.as_uri())
    drawn = "document.querySelector('#curves-chart .main-svg') !== null"
    ready = f"return document.documentElement.dataset.ready === 'true' && {drawn}"
    WebDriverWait(browser, READY_S).until(lambda driver: driver.execute_script(ready))
    return browser


def column(page: Any, name: str) -> list[str]:
    """The texts of one column of the runs' table, as shown."""
    script = """
      const heads = [...document.querySelectorAll('#runs-table th')].map((head) => head.textContent);
      const at = heads.indexOf(arguments[0]);
      return [...document.querySelectorAll('#runs-table tbody tr')].map((row) => row.cells[at].textContent);
    """
    found: list[str] = page.execute_script(script, name)
    return found


def head(page: Any, name: str) -> Any:
    """The button that sorts by a column."""
    return page.find_element("xpath", f"//table[@id='runs-table']//th[button[text()='{name}']]")


def test_there_is_no_error_and_no_request(page: Any) -> None:
    """The console has no error, nothing was requested beyond the file, and no hostile value ran."""
    errors = [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
    requested = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in requested if not name.startswith(("data:", "blob:"))] == []
    assert page.execute_script("return window.broken") is None


def test_a_hostile_value_is_shown_as_text(page: Any) -> None:
    """A value that is HTML is shown letter by letter in the title, the table, the runs and the charts."""
    assert page.find_element("tag name", "h1").text == f"study {HOSTILE}"
    assert HOSTILE in column(page, "optimizer")
    assert HOSTILE in page.find_element("id", "tables").text
    legend = page.execute_script("return [...document.querySelectorAll('.legendtext')].map((text) => text.textContent)")
    assert any(HOSTILE in text for text in legend)
    assert page.execute_script("return document.images.length") == 0


def test_a_heading_sorts_both_ways(page: Any) -> None:
    """Pressing a heading sorts by that column, pressing again the other way round, and says so to a screen reader."""
    button = head(page, "last_val_accuracy").find_element("tag name", "button")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", button)
    button.click()
    values = [float(text) for text in column(page, "last_val_accuracy")]
    assert values == sorted(values)
    assert head(page, "last_val_accuracy").get_attribute("aria-sort") == "ascending"
    button.click()
    assert [float(text) for text in column(page, "last_val_accuracy")] == sorted(values, reverse=True)
    assert head(page, "last_val_accuracy").get_attribute("aria-sort") == "descending"


def test_words_and_conditions_filter(page: Any) -> None:
    """Words and conditions together leave the runs that fulfil all of them, and the count is announced."""
    field = page.find_element("id", "filter")
    field.send_keys("optimizer=adam layers=2 last_val_accuracy>0.555")
    assert (column(page, "optimizer"), sorted(column(page, "seed"))) == (["adam", "adam"], ["1", "2"])
    assert page.find_element("id", "count").text == "2 of 18 runs"
    field.clear()
    field.send_keys("adam last_top-5 acc>0.555")
    assert (column(page, "optimizer"), sorted(column(page, "seed"))) == (["adam", "adam"], ["1", "2"])
    field.clear()
    field.send_keys("diverged")
    assert column(page, "state") == ["diverged"]


def test_a_selected_run_is_drawn(page: Any) -> None:
    """Ticking a run adds its curve to the chart; clearing takes it away."""
    lines = "return document.querySelectorAll('#curves-chart .scatterlayer .trace').length"
    before = page.execute_script(lines)
    box = page.find_element("css selector", "#runs-table tbody input")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    box.click()
    assert page.execute_script(lines) == before + 1
    assert page.find_element("id", "count").text.endswith("1 selected")
    page.find_element("id", "clear").click()
    assert page.execute_script(lines) == before


def test_the_keyboard_is_enough(page: Any) -> None:
    """Tab reaches the skip link first; Enter sorts, Space selects, and the focused element is visible."""
    from selenium.webdriver.common.keys import Keys

    page.find_element("tag name", "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the runs"
    head(page, "seed").find_element("tag name", "button").send_keys(Keys.ENTER)
    assert column(page, "seed") == sorted(column(page, "seed"))
    page.find_element("css selector", "#runs-table tbody input").send_keys(Keys.SPACE)
    assert "1 selected" in page.find_element("id", "count").text
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.execute_script(outline) == "solid"


def test_charts_are_drawn_and_nothing_can_be_sent(page: Any) -> None:
    """The parallel coordinates have all axes, and no button offers to upload the chart."""
    axes = page.execute_script(
        "return [...document.querySelectorAll('.parcoords .axis-title')].map((t) => t.textContent)"
    )
    assert axes == ["optimizer", "layers", "last_val_accuracy"]
    titles = page.execute_script(
        "return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title || '')"
    )
    assert not [title for title in titles if "loud" in title or "hare" in title or "end" in title.split()[0:1]]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_it_fits_wide_and_narrow_light_and_dark(browser: Any, page_path: Path, width: int, dark: bool) -> None:
    """The page follows the system's light or dark, has enough contrast, and never scrolls sideways as a whole."""
    page = opened(browser, page_path, width=width, dark=dark)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    script = """
      const style = getComputedStyle(document.body), numbers = (text) => text.match(/[0-9.]+/g).map(Number);
      return [numbers(style.color), numbers(style.backgroundColor)];
    """
    fore, back = (luminance(rgb) for rgb in page.execute_script(script))
    assert (back < fore) is dark
    assert (max(fore, back) + 0.05) / (min(fore, back) + 0.05) >= 7
    theme = page.find_element("id", "theme")
    theme.click()
    assert page.execute_script("return document.documentElement.dataset.theme") == ("light" if dark else "dark")


def luminance(rgb: list[float]) -> float:
    """Relative luminance (WCAG 2.2) of a colour of three bytes."""
    linear = [c / 12.92 if (c := byte / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for byte in rgb[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
