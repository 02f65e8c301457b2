"""A real browser for the report's tests: one for all of them, and what they look at in a page."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.results import Results
from tests.made_results import make_result
from tests.made_sweeps import in_memory
from tests.report.conditions import LOSSES, RUNS

READY_S = 60
COPIED = "navigator.clipboard.writeText = async (text) => { window.copied = text; }"


@pytest.fixture(scope="session")
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
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "force-device-scale-factor=1"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    yield driver
    driver.quit()


def opened(
    browser: Any, path: Path, *, width: int = 1400, height: int = 900, dark: bool = False, view: str = ""
) -> Any:
    """Open the report at a view (the address after #) and wait until it is painted."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get("about:blank")
    browser.get(path.as_uri() + (f"#{view}" if view else ""))
    until(browser, "document.documentElement.dataset.ready === 'true' && document.documentElement.dataset.painted > 0")
    return browser


def until(page: Any, condition: str, *arguments: Any) -> None:
    """Wait until an expression of the page's script holds."""
    end = time.monotonic() + READY_S
    while not page.execute_script(f"return Boolean({condition})", *arguments):
        assert time.monotonic() < end, f"never true: {condition}"
        time.sleep(0.02)


def type_condition(page: Any, text: str) -> None:
    """Put a condition into the field as if it were typed, and wait for the page to obey it."""
    page.execute_script(
        """
        const field = document.getElementById("where");
        delete document.documentElement.dataset.painted;
        field.value = arguments[0];
        field.dispatchEvent(new Event("input", { bubbles: true }));
        """,
        text,
    )
    until(page, "document.documentElement.dataset.painted > 0")


def show(page: Any, section: str) -> None:
    """Scroll to a section and wait until it is painted."""
    page.execute_script("document.getElementById(arguments[0]).scrollIntoView()", section)
    until(page, "document.getElementById(arguments[0]).querySelector('canvas, table, .row, p, svg')", section)
    time.sleep(0.2)


def shown(page: Any, element: str) -> str:
    """The text of an element."""
    found: str = page.execute_script("return document.getElementById(arguments[0]).innerText", element)
    return found


def press(page: Any, *keys: str) -> None:
    """Press keys one after the other, wherever the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(page).send_keys(key).perform()
        time.sleep(0.15)


def click(page: Any, text: str, inside: str = "body") -> None:
    """Press the first button with this text."""
    script = """
      const all = [...document.querySelectorAll(`${arguments[1]} button`)];
      all.find((one) => one.textContent.startsWith(arguments[0])).click();
    """
    page.execute_script(script, text, inside)
    time.sleep(0.15)


def listed(page: Any) -> list[int]:
    """The runs whose rows are in the list, by their places in the data."""
    script = "return [...document.querySelectorAll('#list-body .row[data-run]')].map((row) => Number(row.dataset.run))"
    found: list[int] = page.execute_script(script)
    return found


def condition_results() -> Results:
    """The runs of the table of conditions; each one's seed is 100 and its place."""
    made = []
    for place, run in enumerate(RUNS):
        params = {name: value for name, value in run.items() if name != "val/acc"}
        history = {"epoch": [0, 1, 2, 3], **LOSSES[place]}
        made.append(make_result(params, 100 + place, history=history, metrics={"val/acc": float(run["val/acc"])}))
    return in_memory(made)
