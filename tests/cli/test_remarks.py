"""`note` and `tag`: what people say of runs is kept, shown and found, also by several at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcsweep.cli import main
from hpcsweep.store.layout import Layout
from tests.made_results import make_study

Typed = Callable[..., str]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types a command in the folder of a study whose results are made up, and returns all that it printed."""
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPCSWEEP_STORE", raising=False)

    def run(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        printed = capsys.readouterr()
        assert (ended.value.code or 0) == code, printed.err
        return printed.out + printed.err

    return run


def ids(typed: Typed, *words: str) -> list[str]:
    """Return the ids of the sweep's runs."""
    typed("export", "sweeps/toy.toml", "--out", "out", "--csv", *words)
    return [line[:64] for line in Path("out/runs.csv").read_text().splitlines()[1:]]


def test_a_note_is_kept_shown_and_found(typed: Typed) -> None:
    """A note stands in show, under the table and in the column notes, is found by --where, and can be taken back."""
    run, *others = ids(typed)
    assert others
    typed("note", run[:12], "bad seed, look again")
    assert "bad seed, look again" in typed("show", run)
    assert 'note "bad seed, look again": 1 run' in typed("table", "sweeps/toy.toml")
    assert ids(typed, "--where", "note == 'bad seed, look again'") == [run]
    assert "was there" in typed("note", run, "bad seed, look again")
    typed("note", run, "bad seed, look again", "--remove")
    assert "bad seed" not in typed("show", run, "--json")
    assert "found no note" in typed("note", run, "bad seed, look again", "--remove", code=2)


def test_a_tag_of_a_setting_holds_for_all_its_seeds(typed: Typed) -> None:
    """With --setting, the runs that differ in their seed only have the tag, also those that were not there then."""
    (run, *_) = ids(typed, "--where", "layers == 2 and seed == 0 and state == 'done'")
    wanted = json.loads(typed("show", run, "--json"))["params"]
    typed("tag", run, "paper-2", "--setting")
    tagged = ids(typed, "--where", "tag == 'paper-2'")
    assert len(tagged) > 1
    assert all(json.loads(typed("show", one, "--json")).get("params", wanted) == wanted for one in tagged)


@pytest.mark.parametrize("text", ["", " x", "a\nb", "a; b", "collapsed", "x" * 501])
def test_a_note_that_could_be_mistaken_is_refused(typed: Typed, text: str) -> None:
    """Nothing that is no plain line, and no word of our own, becomes a note; nothing is written."""
    assert typed("note", ids(typed)[0], text, code=2).count("\n") == 1
    assert not Layout(Path("results")).remarks.exists()


def test_a_damaged_or_newer_remark_keeps_no_table_from_being_read(typed: Typed) -> None:
    """What cannot be read is told, in a line, and all else is as it was; merging stores brings remarks along."""
    run, *_ = ids(typed)
    typed("tag", run, "mine")
    layout = Layout(Path("results"))
    (good,) = layout.all_remarks()
    layout.remark(f"{1:020d}", "00000000").write_text("{")
    layout.remark(f"{2:020d}", "00000000").write_text(json.dumps({**json.loads(good.read_text()), "format": 99}))
    assert ids(typed, "--where", "tag == 'mine'") == [run]
    other = Path("other")
    typed("merge", "results", "--store", str(other))
    shutil.rmtree(layout.root)
    assert ids(typed, "--where", "tag == 'mine'", "--store", str(other)) == [run]
