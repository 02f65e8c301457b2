"""Every record in a store says its format, and one that is newer than this program is named and blocks no other."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from hpcsweep.cli import main
from hpcsweep.launch.pack import pack
from hpcsweep.store import Store
from hpcsweep.store.made_by import read_data
from tests.conftest import Study
from tests.store.every_kind import USED, records

VERBS = (
    ("status", "sweeps/walk.toml"),
    ("plan", "sweeps/walk.toml"),
    ("table", "sweeps/walk.toml"),
    ("table", "results"),
)
"""What people type to see a sweep."""


def test_every_record_says_its_format(every_kind: Study, tmp_path: Path) -> None:
    """Whatever lies in a store, loose or packed, says a format where it begins, or is known to be no record."""
    shutil.copytree(every_kind.store, tmp_path / "packed")
    pack(tmp_path / "packed")
    found = records(every_kind.store) | records(tmp_path / "packed")
    assert len(found) >= 20, sorted(found)
    silent = [kind for kind, path in found.items() if not says_format(path.read_bytes())]
    assert silent == []


def says_format(data: bytes) -> bool:
    """Whether the JSON object that a file is, or begins with, has a format, or a list of digests begins with one."""
    for beginning in (data, data.splitlines()[0]):
        with suppress(ValueError):
            return type(json.loads(beginning).get("format")) is int
    return re.match(rb"format \d+\n", data) is not None


def test_data_of_any_name_are_read_back(every_kind: Study) -> None:
    """What a run used is the same again, whatever its names."""
    [path] = every_kind.store.glob("datasets/*.json")
    assert read_data(Store(every_kind.store).layout, path.stem) == USED


NAMED = {  # what a newer record of each kind is told by, for those on which what these verbs say depends
    "run-*.json": "of a newer hpcsweep",
    "manifest.jsonl": "left out",
    "wanted.json": "newer hpcsweep",
    "array-7.json": "newer hpcsweep",
    "sent-cd.json": "newer hpcsweep",
    "halted.json": "newer hpcsweep",
    "run-ids.txt": "not known",
    "failed.g1.json": "newer hpcsweep",
    "store.json": "newer hpcsweep",
}


def test_a_newer_record_is_named_and_blocks_nothing_else(
    every_kind: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A later release beside this one in a store: what it wrote is called newer, and the other results are there."""
    shutil.copytree(every_kind.root, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    monkeypatch.delenv("HPCSWEEP_STORE", raising=False)
    wrong = []
    for kind, path in records(Path("results")).items():
        if kind.startswith(("halved/", "searched/")):  # of submissions of which these verbs say nothing
            continue
        before = path.read_bytes()
        path.write_bytes(re.sub(rb'("format": ?|^format )\d+', rb"\g<1>99", before, count=1))
        caplog.clear()
        told = ""
        for verb in VERBS:
            code = _type(verb)
            said = capsys.readouterr()
            told += said.out + said.err
            if "Traceback" in said.err or code not in ((2,) if kind == "results/store.json" else (0, 1)):
                wrong.append(f"{kind}: {verb}: {code}: {said.err}")
        name = kind.rpartition("/")[2]
        if name in NAMED and NAMED[name] not in told + caplog.text:
            wrong.append(f"{kind}: not told: {told}")
        path.write_bytes(before)
    assert wrong == []


def _type(words: tuple[str, ...]) -> object:
    """Type a command, and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return ended.value.code or 0
