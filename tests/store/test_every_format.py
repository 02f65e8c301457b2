"""Every record in a store says its format, and one that is newer than this program is named and blocks no other."""

from __future__ import annotations

import json
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hpcsweep.cli import main
from hpcsweep.launch.pack import pack
from hpcsweep.store import Store
from hpcsweep.store.claims import Claim
from hpcsweep.store.events import Event
from hpcsweep.store.halts import Halt, halt
from hpcsweep.store.made_by import accept, keep_data, read_data
from hpcsweep.store.task_files import Sender, SentArray, SlurmFiles
from hpcsweep.store.wanted import Wanted, write_wanted
from hpcsweep.worker.run.heartbeat import Heartbeat
from tests.conftest import Study, make_study
from tests.slurm.sending.test_elastic import TERMS
from tests.store.test_fuzz import JOB, SWEEP

USED = {"format": {"sha256": "c" * 64}}  # data of a name that is a word of records, too
NO_RECORDS = {
    r"cancelled|.*\.leave|made\..*": "a name that says all",
    r".*\.next": "one word for the batch script that was sent with it",
    r"log\.g\d+\.txt|.*\.(out|err|pkl|sh)": "what jobs print, and the files of submitit",
    r"kept\.txt|walk\.py": "files of the user's",
    r".*\.npz": "arrays, of the format of NumPy, which a record names",
    r"pack-\w+\.zip": "files that say their own formats",
}
VERBS = (
    ("status", "sweeps/walk.toml"),
    ("plan", "sweeps/walk.toml"),
    ("table", "sweeps/walk.toml"),
    ("table", "results"),
)
"""What people type to see a sweep."""


class Progress:
    """Tells a heartbeat how far a run has come."""

    def progress(self) -> dict[str, object]:
        return {"epoch": 1, "epochs": 3, "metrics": {"loss": 1.0}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose store holds every kind of file, that of a submission to SLURM too."""
    study = make_study(tmp_path_factory.mktemp("formats"))
    study.job("walk", JOB)
    ended = study.run("run", study.sweep("walk", SWEEP), "--workers", "1", "--quiet")
    assert ended.returncode == 1, ended.stderr
    store = Store(study.store)
    [failed] = study.store.rglob("failed.*")
    claim = Claim(store.folder(failed.parent.name), 1)
    with Heartbeat(claim, 0.01, 60.0) as heartbeat:
        heartbeat.reporter = Progress()
        while not claim.folder.progress.exists():
            time.sleep(0.01)
    claim.give_back()
    [submission] = store.layout.submissions("walk")
    _send(SlurmFiles(submission))
    write_wanted(store.layout, "walk", Wanted(2))
    accept(store.layout, "a" * 64, "b" * 64, {"said": "by hand"})
    keep_data(store.layout, USED)
    halt(submission, Halt("no module", 0))
    store.decide("engine", lambda: {"engine": "compiled"})
    return study


def _send(files: SlurmFiles) -> None:
    """Leave what a submission of two workers leaves, and an announcement that was cut off."""
    files.write_terms(TERMS.to_json())
    files.record(SentArray("ab", "walk.ab", 2, 0.0, Sender.SUBMIT, "7"))
    files.announce(SentArray("cd", "walk.cd", 2, 0.0, Sender.SUBMIT))
    files.add_event("7_0", Event.START, restart=0)


def records(root: Path) -> dict[str, Path]:
    """Return one record of each kind in a store."""
    found = {}
    for path in root.rglob("*"):
        known = any(re.fullmatch(names, path.name) for names in NO_RECORDS)
        if path.is_file() and not known and not {"snapshots", "bundles"} & {*path.parts}:
            found[re.sub(r"[0-9a-f]{16,}", "*", f"{path.parent.name}/{path.name}")] = path
    return found


def test_every_record_says_its_format(whole: Study, tmp_path: Path) -> None:
    """Whatever lies in a store, loose or packed, says a format where it begins, or is known to be no record."""
    shutil.copytree(whole.store, tmp_path / "packed")
    pack(tmp_path / "packed")
    found = records(whole.store) | records(tmp_path / "packed")
    assert len(found) >= 20, sorted(found)
    silent = [kind for kind, path in found.items() if not says_format(path.read_bytes())]
    assert silent == []


def says_format(data: bytes) -> bool:
    """Whether the JSON object that a file is, or begins with, has a format, or a list of digests begins with one."""
    for beginning in (data, data.splitlines()[0]):
        with suppress(ValueError):
            return type(json.loads(beginning).get("format")) is int
    return re.match(rb"format \d+\n", data) is not None


def test_data_of_any_name_are_read_back(whole: Study) -> None:
    """What a run used is the same again, whatever its names."""
    [path] = whole.store.glob("datasets/*.json")
    assert read_data(Store(whole.store).layout, path.stem) == USED


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
    whole: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A later release beside this one in a store: what it wrote is called newer, and the other results are there."""
    shutil.copytree(whole.root, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    monkeypatch.delenv("HPCSWEEP_STORE", raising=False)
    wrong = []
    for kind, path in records(Path("results")).items():
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
