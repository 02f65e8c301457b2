"""The report: one file, nothing fetched, every text escaped, small enough."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsweep.cli import main
from hpcsweep.files import printable
from hpcsweep.report import report, write_report
from hpcsweep.report.curves import curves_of
from hpcsweep.report.page import script_json
from hpcsweep.results import load
from hpcsweep.store import Result
from hpcsweep.store.results import Failure, write_failure
from hpcsweep.sweep.load import load_sweep
from hpcsweep.sweep.runs import Run
from tests.made_results import MakeStore, Study, fill_store, make_result
from tests.made_sweeps import in_memory, made_sweep

HOSTILE = "</script><script>window.broken=1</script><img src=x onerror=window.broken=2><b>bold</b>"


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


def data_of(html: str) -> Any:
    """The data that the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def values_of(data: Any, name: str) -> list[Any]:
    """The values of a column of the page, one per run."""
    column = data["columns"][name]
    return column["values"] if "values" in column else [column["distinct"][place] for place in column["at"]]


def test_the_report_holds_what_the_sweep_came_to(study: Study) -> None:
    """Every column of the runs is in the page, value by value as it was recorded, and so are curves and provenance."""
    data = data_of(report(study.sweep))
    results = load(study.sweep)
    assert set(data["columns"]) == set(results.runs)
    for name in ("id", "state", "seed", "layers", "optimizer", "last_val_accuracy", "time_s"):
        expected = [None if value != value else value for value in results.column(name).tolist()]
        assert values_of(data, name) == expected
    assert [len(curve) if curve else 0 for curve in data["curves"]["values"]["val_accuracy"]] == [6] * 10 + [0, 0]
    assert data["values"][0]["name"] == "last_val_accuracy"
    assert {row["parameter"] for row in data["effects"]["last_val_accuracy"]["rows"]} == {"layers", "optimizer"}
    assert ["job", "jobs/toy.py:train"] in data["provenance"]
    assert len(data["confusion"]) == 10


def test_nothing_is_fetched_and_no_text_becomes_code(study: Study) -> None:
    """The page links only to its own sections; its policy forbids to fetch, to send, and to make code of a text."""
    html = report(study.sweep)
    assert all(link.startswith(("#", "data:")) for link in Page(html).links)
    assert "default-src &#39;none&#39;" in html
    assert "unsafe-eval" not in html
    script = html.split("<script>")[1]
    assert not re.search(r"\b(eval|Function|innerHTML|outerHTML|insertAdjacentHTML|fetch|XMLHttpRequest)\b", script)


def test_hostile_values_stay_text(make_store: MakeStore) -> None:
    """Names and values that are HTML or end a script appear as text, and add no tag."""
    made = [make_result({"name": text, "<i>p</i>": 1}, s) for text in (HOSTILE, "tame") for s in range(2)]
    root = make_store(made).root
    html = report(root, title=HOSTILE)
    tame = Page(report(make_store([make_result({"name": text, "p": 1}, s) for text in "ab" for s in range(2)]).root))
    page = Page(html)
    assert page.tags.count("script") == tame.tags.count("script") == 2
    assert not {"img", "b", "i"} & set(page.tags)
    assert HOSTILE in values_of(data_of(html), "name")


def test_nothing_in_a_page_turns_round_or_hides_its_text(make_store: MakeStore) -> None:
    """Letters that are obeyed and not seen, such as those that write from right to left, are shown escaped."""
    made = [
        make_result({"name": f"{odd}exe.txt", "p": 1}, s) for odd in ("\u202e", "\x1b[8m", "\x7f") for s in range(2)
    ]
    html = report(make_store(made).root, title="a \u202e title")
    assert r"\u202eexe.txt" in values_of(data_of(html), "name")
    assert not {"\u202e", "\x1b", "\x7f"} & set(html)


@given(text=st.text())
def test_json_in_a_script_reads_back_and_cannot_end_it(text: str) -> None:
    """Any text reads back from the script's JSON as it is to be shown, and no < or > is in it."""
    made = script_json({"a": [text]})
    assert json.loads(made) == {"a": [printable(text)]}
    assert not set("<>&\u2028\u2029") & set(made)


def test_failures_come_with_their_cause_and_log(study: Study) -> None:
    """A failed run has its cause and the last lines that it printed in the page."""
    result = study.results[0]
    folder = study.store.folder(result.trajectory)
    folder.result(result.id).unlink()
    folder.claim(1).write_text("{}")
    folder.log(1).write_text("".join(f"line {n}\n" for n in range(100)))
    write_failure(folder, Failure("ValueError", "<no> such optimizer", "", 1))
    data = data_of(report(study.sweep))
    row = values_of(data, "id").index(result.id)
    assert values_of(data, "cause")[row] == "ValueError: <no> such optimizer"
    assert data["logs"] == {str(row): "\n".join(f"line {n}" for n in range(80, 100))}


def test_an_empty_store_has_a_report(make_store: MakeStore) -> None:
    """Without runs there is a page, without values to choose from."""
    data = data_of(report(make_store([]).root))
    assert (data["values"], data["states"]) == ([], {})


@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(1, 900), min_size=1, max_size=4))
def test_a_thinned_curve_is_made_of_real_points_and_ends_where_the_run_did(lengths: list[int]) -> None:
    """Each drawn value is the run's own at that epoch, the first and the last are drawn, and the page says how many."""
    made = [
        make_result({"p": n}, history={"epoch": range(length), "loss": np.arange(length) + 0.5})
        for n, length in enumerate(lengths)
    ]
    curves = curves_of(in_memory(made))
    assert curves["of"] == max(lengths)
    assert len(curves["epochs"]) == min(max(lengths), 400)
    for length, values, end in zip(lengths, curves["values"]["loss"], curves["ends"], strict=True):
        epochs = [*[epoch for epoch in curves["epochs"] if epoch < length - 1], end]
        assert (epochs[0], end) == (0, length - 1)
        assert values == [float(f"{epoch + 0.5:.4g}") for epoch in epochs]


@pytest.mark.parametrize(("runs", "megabytes"), [(48, 1), (864, 3)])
def test_a_page_is_light(runs: int, megabytes: float) -> None:
    """48 runs need less than a megabyte, 864 runs of 40 epochs less than three."""
    assert len(report(made_sweep(runs)).encode()) < megabytes * 1e6


def test_the_file_is_written_whole(study: Study, tmp_path: Path) -> None:
    """`write_report` writes the file and returns its path."""
    path = write_report(study.sweep, tmp_path / "r.html")
    assert path.read_text().startswith("<!DOCTYPE html>")


def test_watch_writes_the_file_again_until_no_run_is_open(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`report --watch 30` writes every 30 seconds, and ends when the last run has."""
    path, waits = tmp_path / "r.html", []

    def pass_time(seconds: float) -> None:
        waits.append((seconds, data_of(path.read_text())["open"]))
        if len(waits) == 2:
            fill_store(study.store.root, [finished(run) for run in load_sweep(study.sweep).runs])

    monkeypatch.setattr("hpcsweep.cli.verbs.report.time.sleep", pass_time)
    with pytest.raises(SystemExit) as ended:
        main(["report", str(study.sweep), "--out", str(path), "--watch", "30"])
    assert ended.value.code == 0
    assert waits == [(30.0, 2), (30.0, 2)]
    written = data_of(path.read_text())
    assert (written["open"], written["next_s"]) == (0, 30.0)


def finished(run: Run) -> Result:
    """A result of a run of the study."""
    made = make_result(dict(run.params), run.seed)
    return replace(made, id=run.id, trajectory=run.trajectory)
