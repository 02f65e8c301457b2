"""Write the two pictures of the README, from a sweep that was really run.

    python docs/pictures.py page SWEEP      # the first screen of its report, to docs/pictures/report.png
    python docs/pictures.py status SWEEP    # what `hpcsweep status` says of it now, to docs/pictures/status.png

Type them in the study's folder. Both need Chromium and chromedriver (Debian: apt-get install chromium chromium-driver).
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).resolve().parent / "pictures"
TERMINAL = """<!DOCTYPE html><meta charset="utf-8"><style>
body { margin: 0; padding: 20px 24px; background: #14171a; width: max-content; }
pre { margin: 0; font: 15px/1.45 "DejaVu Sans Mono", monospace; color: #e7eaed; }
b { color: #6db5f0; font-weight: 400; }
</style><pre><b>$</b> %s
%s</pre>"""


def main() -> None:
    """Write the picture that the command line names."""
    kind, sweep = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        if kind == "page":
            said(["report", sweep, "--out", str(page)])
            save(page, "report.png", (1280, 640))
        else:
            words = ["status", sweep]
            page.write_text(TERMINAL % (escape(" ".join(["hpcsweep", *words])), escape(said(words))))
            save(page, "status.png", None)


def said(words: list[str]) -> str:
    """Return what a command prints."""
    ours = Path(sys.executable).with_name("hpcsweep")
    return subprocess.run([ours, *words], capture_output=True, text=True, check=True).stdout


def save(page: Path, name: str, size: tuple[int, int] | None) -> None:
    """Photograph a page, of this size or as large as it is, into docs/pictures/."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("headless=new", "no-sandbox", "force-device-scale-factor=1"):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or ""))
    try:
        photograph(driver, page, PICTURES / name, size)
    finally:
        driver.quit()


def photograph(driver: Any, page: Path, path: Path, size: tuple[int, int] | None) -> None:
    """Write what the browser shows of a page as PNG."""
    width, height = size or (1600, 800)
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    driver.implicitly_wait(30)
    driver.get(page.as_uri())
    driver.find_element("css selector", "pre, #forest svg")
    if size is None:
        box = driver.execute_script("return document.body.getBoundingClientRect().toJSON()")
        width, height = box["width"], box["height"]
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    found = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(found["data"]))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
