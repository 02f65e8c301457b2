"""The report: one file, nothing fetched, every text escaped, small enough."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.files import printable
from hpcsweep.report import report, write_report
from hpcsweep.report.page import script_json
from hpcsweep.report.thinning import thin
from hpcsweep.store.results import Failure, write_failure
from tests.made_results import MakeStore, Study, make_result

HOSTILE = "</script><script>window.broken=1</script><img src=x onerror=window.broken=2><b>bold</b>"
WEIGHTLESS = "plotly stands for the library"


class Page(HTMLParser):
    """The tags of a page and what they link to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Remember the tag and its addresses."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href", "action")]


@pytest.fixture(autouse=True)
def _without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    # five megabytes of somebody else's JavaScript would only slow these tests down
    monkeypatch.setattr("plotly.offline.get_plotlyjs", lambda: f"/* {WEIGHTLESS} */")


def data_of(html: str) -> Any:
    """The data that the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_report_holds_what_the_sweep_came_to(study: Study) -> None:
    """Tables, sentences, curves, runs and provenance are in the page; runs not yet done too."""
    html = report(study.sweep)
    data = data_of(html)
    assert len(data["rows"]) == 12
    assert {"id", "state", "seed", "layers", "optimizer", "last_val_accuracy"} <= set(data["columns"])
    assert len(data["curves"]["runs"]) == 10
    assert [axis["label"] for axis in data["parallel"]["axes"]] == ["layers", "optimizer", "last_val_accuracy"]
    assert "± " in html
    assert "n = 3 seeds" in html
    assert "jobs/toy.py:train" in html


def test_nothing_is_fetched_from_anywhere(study: Study) -> None:
    """The page links only to its own sections, and its policy forbids the browser to fetch or send anything."""
    page = Page(report(study.sweep))
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "default-src &#39;none&#39;" in report(study.sweep)
    assert "sendChartToCloud" in report(study.sweep).split("REMOVED = ")[1][:120]


def test_hostile_values_stay_text(make_store: MakeStore) -> None:
    """Names and values that are HTML or end a script appear as text, and add no tag."""
    made = [make_result({"name": text, "<i>p</i>": 1}, s) for text in (HOSTILE, "tame") for s in range(2)]
    root = make_store(made).root
    html = report(root, title=HOSTILE)
    tame = Page(report(make_store([make_result({"name": text, "p": 1}, s) for text in "ab" for s in range(2)]).root))
    page = Page(html)
    assert page.tags.count("script") == tame.tags.count("script") == 3
    assert not {"img", "b", "i"} & set(page.tags)
    assert HOSTILE in {cell for row in data_of(html)["rows"] for cell in row}


def test_nothing_in_a_page_turns_round_or_hides_its_text(make_store: MakeStore) -> None:
    """Letters that are obeyed and not seen, such as those that write from right to left, are shown escaped."""
    made = [
        make_result({"name": f"{odd}exe.txt", "p": 1}, s) for odd in ("\u202e", "\x1b[8m", "\x7f") for s in range(2)
    ]
    html = report(make_store(made).root, title="a \u202e title")
    assert r"\u202eexe.txt" in {cell for row in data_of(html)["rows"] for cell in row}
    assert not {"\u202e", "\x1b", "\x7f"} & set(html)


@given(text=st.text())
def test_json_in_a_script_reads_back_and_cannot_end_it(text: str) -> None:
    """Any text reads back from the script's JSON as it is to be shown, and no < or > is in it."""
    made = script_json({"a": [text]})
    assert json.loads(made) == {"a": [printable(text)]}
    assert not set("<>&\u2028\u2029") & set(made)


def test_failures_are_grouped_by_cause(study: Study) -> None:
    """Failed runs of one cause stand together with their count."""
    for result in study.results[:2]:
        folder = study.store.folder(result.trajectory)
        folder.result(result.id).unlink()
        folder.claim(1).write_text("{}")
        write_failure(folder, Failure("ValueError", "<no> such optimizer", "", 1))
    html = report(study.sweep)
    assert "2 failed: ValueError: &lt;no&gt; such optimizer" in html
    assert f"hpcsweep logs {study.results[0].id[:12]}" in html


def test_an_empty_store_has_a_report(make_store: MakeStore) -> None:
    """Without runs the page says so."""
    assert "No run is finished yet" in report(make_store([]).root)


@given(y=st.lists(st.floats(-1e3, 1e3) | st.just(float("nan")), min_size=1, max_size=300), points=st.integers(10, 60))
def test_thinning_keeps_real_points_and_the_extremes(y: list[float], points: int) -> None:
    """Every kept point is one of the curve's, the first, last, smallest and largest among them, in order."""
    x = np.arange(len(y)) * 2
    kept_x, kept_y = thin(x, np.array(y), points)
    assert kept_x == sorted(set(kept_x))
    assert {0, x[-1]} <= set(kept_x)
    assert len(kept_x) <= points + 2
    for place, value in zip(kept_x, kept_y, strict=True):
        assert value is None if np.isnan(y[place // 2]) else value == float(f"{y[place // 2]:.4g}")
    finite = [value for value in y if not np.isnan(value)]
    if finite:
        assert {float(f"{min(finite):.4g}"), float(f"{max(finite):.4g}")} <= set(kept_y)


def test_500_runs_of_1000_epochs_are_under_10_megabytes(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page with the charting library stays under 10 MB, and says that curves were thinned and left out."""
    monkeypatch.undo()
    rng = np.random.default_rng(0)
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")
    made = [
        make_result(
            {"layers": n % 10, "neurons": n // 30},
            n % 3,
            history={"epoch": range(1001), **dict(zip(names, rng.random((5, 1001)), strict=True))},
        )
        for n in range(500)
    ]
    html = report(make_store(made).root)
    assert len(html.encode()) < 10_000_000
    assert "of 1001 epochs. They are real points" in html
    assert re.search(r"[1-9]\d+ more settings are only in the list", html)


def test_the_file_is_written_whole(study: Study, tmp_path: Path) -> None:
    """`write_report` writes the file and returns its path."""
    path = write_report(study.sweep, tmp_path / "r.html")
    assert path.read_text().startswith("<!DOCTYPE html>")
