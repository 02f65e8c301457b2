"""What is decided once for a store: no damaged decision is followed, and none that nobody can have made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json
from hpcsweep.launch.plan import plan_of
from hpcsweep.launch.status import status
from hpcsweep.store import Store
from hpcsweep.store.decisions import write_decision
from hpcsweep.sweep.load import load_sweep
from tests.conftest import Study

Decision = dict[str, Any]


@pytest.fixture
def study(every_kind: Study, tmp_path: Path) -> Study:
    """A study with decisions of [halving] and of [suggest] in its store."""
    shutil.copytree(every_kind.root, tmp_path / "study")
    return Study(tmp_path / "study")


def decisions(study: Study, word: str) -> dict[Path, dict[str, Any]]:
    """Return the records of all decisions of this section, by their files."""
    read = {path: json.loads(path.read_bytes()) for path in Store(study.store).layout.decisions()}
    return {path: record for path, record in read.items() if record["key"].startswith(word)}


def test_a_decision_is_read_as_it_was_made(tmp_path: Path) -> None:
    """Whatever the types of its keys, it matches its hash; and one of a release that wrote none is followed."""
    store = Store(tmp_path)
    assert store.decide("means", lambda: {"means": {2: 0.1, 10: 0.2}}) == {"means": {"2": 0.1, "10": 0.2}}
    [path] = store.layout.decisions()
    record = json.loads(path.read_bytes())
    del record["sha256"]
    path.write_text(canonical_json(record))
    assert store.decided("means") == {"means": {"2": 0.1, "10": 0.2}}


@pytest.mark.parametrize(("word", "digit"), [("halving", "values"), ("suggest", "points")])
def test_another_number_in_a_decision_is_refused_until_it_is_deleted(study: Study, word: str, digit: str) -> None:
    """One line names the file and how to be rid of it; what is decided anew is what was decided."""
    sweep = study.root / "sweeps" / ("halved.toml" if word == "halving" else "searched.toml")
    before = study.run("status", sweep, "--json").stdout
    path = next(path for path, record in decisions(study, word).items() if record["decision"].get(digit))
    whole = path.read_text()
    at = whole.index("0.0", whole.index(f'"{digit}"')) + 3
    path.write_text(whole[:at] + ("1" if whole[at] != "1" else "2") + whole[at + 1 :])
    refused = study.run("status", sweep)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"{path.name}: damaged: its SHA-256 does not match; delete it" in refused.stderr
    path.unlink()
    assert study.run("run", sweep, "--quiet", "--workers", "1").returncode == 0
    assert path.read_text() == whole
    assert study.run("status", sweep, "--json").stdout == before


CRAFTED: dict[str, Callable[[Decision], Any]] = {
    "nobody goes on": lambda decision: decision["go_on"].clear(),
    "a stranger goes on": lambda decision: decision["go_on"].append("ab" * 32),
    "no list": lambda decision: decision.update(go_on=7),
    "a number of a stranger": lambda decision: decision["values"].update(stranger=[0.1]),
    "a word for a number": lambda decision: decision["values"].update({next(iter(decision["values"])): ["x"]}),
}


@pytest.mark.parametrize("craft", CRAFTED.values(), ids=CRAFTED)
def test_who_cannot_go_on_does_not(study: Study, craft: Callable[[Decision], Any]) -> None:
    """A decision whose hash is right, and that nobody can have made, is refused, and never read for ever."""
    sweep = load_sweep(study.root / "sweeps" / "halved.toml")
    record = next(record for record in decisions(study, "halving").values() if record["decision"].get("values"))
    _forge(study, record, craft)
    with pytest.raises(StoreError, match="who goes on by it cannot be; delete it"):
        plan_of(sweep, Store(study.store))


@pytest.mark.parametrize("point", [7, {}, {"step": "far"}, {"step": True}, {"step": 0.1, "epochs": 9}])
def test_what_cannot_be_suggested_is_not_trained(study: Study, point: Any) -> None:
    """A point that is none of the search is refused, although its hash is right."""
    record = next(record for record in decisions(study, "suggest").values())
    _forge(study, record, lambda decision: decision.update(points=[point]))
    with pytest.raises(StoreError, match="damaged: found points"):
        status(study.root / "sweeps" / "searched.toml")


def _forge(study: Study, record: dict[str, Any], craft: Callable[[Decision], Any]) -> None:
    craft(record["decision"])
    layout = Store(study.store).layout
    next(path for path, known in decisions(study, "").items() if known["key"] == record["key"]).unlink()
    write_decision(layout, record["key"], record["decision"])
