"""Words in a store that only another release knows: readers show them, and count them as nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsweep.cli import main
from hpcsweep.store.claims import describe_owner, try_claim
from hpcsweep.store.results import Failure, write_failure
from hpcsweep.store.states import FINISHED, RunState, count_states
from hpcsweep.sweep.load import load_sweep
from tests.made_results import Study, fill_store, make_study

OUTCOME, CAUSE = "stopped by hand", "cosmic ray"


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study in which a later release has kept the first cell's three results and a failure, in words of its own."""
    made = make_study(tmp_path / "first")
    (results := [replace(one, outcome=OUTCOME) for one in made.results[:3]]).extend(made.results[3:])
    study = replace(made, store=fill_store(tmp_path / "later", results), results=results)
    failed = load_sweep(study.sweep).runs[-1]
    folder = study.store.folder(failed.trajectory)
    folder.path.mkdir(parents=True)
    claim = try_claim(folder, describe_owner("4_2"), 60.0)
    assert claim is not None
    write_failure(folder, Failure(CAUSE, "a bit flipped", "", claim.generation))
    monkeypatch.chdir(made.sweep.parents[1])
    monkeypatch.setenv("HPCSWEEP_STORE", str(study.store.root))
    return study


def say(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what a command printed, which must end without a fault of its own."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    printed = capsys.readouterr()
    assert ended.value.code in (0, 1), printed.err
    return printed.out


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("plan",),
        ("table",),
        ("table", "--format", "md"),
        ("knee",),
        ("report", "--out", "report.html"),
        ("export", "--out", "out"),
        ("plot", "curves", "--out", "curves.png"),
        ("verify", "--sample", "0"),
    ],
    ids=" ".join,
)
def test_every_reader_goes_through(later: Study, capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> None:
    """No verb that reads a store ends because of a word that it does not know."""
    say(capsys, words[0], "sweeps/toy.toml", *words[1:])


def test_what_is_not_known_is_shown_and_not_taken_for_done(later: Study, capsys: pytest.CaptureFixture[str]) -> None:
    """The word itself stands in status, table and show; the numbers of such runs are in no cell."""
    states = Counter(run["state"] for run in json.loads(say(capsys, "status", "sweeps/toy.toml", "--json"))["runs"])
    assert states == {OUTCOME: 3, "done": 7, "failed": 1, "new": 1}
    assert f"1 failed: {CAUSE}: a bit flipped" in say(capsys, "status", "sweeps/toy.toml")
    cells = json.loads(say(capsys, "table", "sweeps/toy.toml", "--format", "json", "--value", "loss"))
    assert next(cell for cell in cells if OUTCOME in cell["states"])["n"] == 0
    text = say(capsys, "table", "sweeps/toy.toml", "--value", "loss")
    assert f"3 {OUTCOME}" in text
    assert "not in sweep" not in text
    assert json.loads(say(capsys, "show", later.results[0].id, "--json"))["state"] == OUTCOME


def test_states_are_told_in_one_order() -> None:
    """Counts come in the order of RunState, without zeros, and words that it lacks come last."""
    assert list(count_states(["new", OUTCOME, "done", RunState.DONE])) == ["done", "new", OUTCOME]
    assert count_states(["done", RunState.DONE]) == {"done": 2}
    assert [state for state in RunState if state in FINISHED] == [
        "done",
        "diverged",
        "done by other code",
        "done by other data",
    ]
