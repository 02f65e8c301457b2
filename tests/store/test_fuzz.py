"""Whatever lies in a store, a verb that reads it ends soon, with a known exit code and without a traceback.

Every kind of file is damaged in every way, in an order that a seed fixes; HPCSWEEP_FUZZ_S (seconds) and
HPCSWEEP_FUZZ_SEED fuzz longer and otherwise.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from hpcsweep.cli import main
from hpcsweep.files import canonical_json, sha256_hex
from hpcsweep.launch.pack import pack
from hpcsweep.results import cache
from tests.conftest import Study
from tests.store.every_kind import SWEEPS, kind_of

LONG_S = float(os.environ.get("HPCSWEEP_FUZZ_S", "60"))
SEED = int(os.environ.get("HPCSWEEP_FUZZ_SEED", "0"))
HANGS_S = 30
HEALTHY = "sweeps/halved.toml"
VERBS = (
    "status SWEEP --json",
    "plan SWEEP",
    "table SWEEP",
    "table results --format csv",
    "show RUN",
    "logs FAILED",
    "status SWEEP",
    "export results --out ../out --csv",
    "verify SWEEP --no-train",
    "clean --dry-run",
    "diff RUN OTHER",
    "best SWEEP --value last_loss",
    "knee SWEEP --value loss",
    "report SWEEP --out ../report.html",
    "files RUN",
    "plot SWEEP halving --out ../halving.svg",
    "plot SWEEP curves --value loss --out ../curves.svg",
    "table SWEEP --where tag=='good'",
    "tag RUN fine",
)
ODD: tuple[Any, ...] = (None, True, -1, 10**30, 1e308, "", "../../x", "\x1b[31m", [], {}, [[1]], {"a": {}})


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    if path.is_file():
        path.write_bytes(change(path.read_bytes()))


def _odd_json(path: Path, chance: random.Random) -> None:
    """Give something in a JSON file another type, and the record a hash that is right."""
    try:
        lines = path.read_bytes().splitlines()
        whole = json.loads(path.read_bytes()) if len(lines) != 1 else json.loads(lines[0])
    except (ValueError, IsADirectoryError):
        return
    places: list[tuple[Any, Any]] = []
    _walk(whole, places)
    if places:
        holder, key = chance.choice(places)
        holder[key] = chance.choice(ODD)
    if isinstance(whole, dict) and "sha256" in whole:
        del whole["sha256"]
        whole["sha256"] = sha256_hex(canonical_json(whole).encode())
    path.write_text(json.dumps(whole))


def _walk(value: Any, places: list[tuple[Any, Any]]) -> None:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        places.append((value, key))
        _walk(value[key], places)


def _replace(path: Path, make: Callable[[Path], Any]) -> None:
    path.unlink()
    make(path)


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) or 1)
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :] if data else b"x"


DAMAGES: dict[str, Callable[[Path, random.Random], Any]] = {
    "flipped": lambda path, chance: _rewrite(path, lambda data: _flip(data, chance)),
    "cut": lambda path, chance: _rewrite(path, lambda data: data[: chance.randrange(len(data) or 1)]),
    "empty": lambda path, chance: path.write_bytes(b""),
    "noise": lambda path, chance: path.write_bytes(chance.randbytes(300)),
    "deep": lambda path, chance: path.write_bytes(b'{"a":' * 100_000),
    "deep list": lambda path, chance: path.write_bytes(b"[" * 900 + b"]" * 900),
    "odd": _odd_json,
    "odder": _odd_json,
    "newer": lambda path, chance: _rewrite(path, lambda data: re.sub(rb'"format": ?1', b'"format": 99', data)),
    "pipe": lambda path, chance: _replace(path, os.mkfifo),
    "zeros": lambda path, chance: _replace(path, lambda one: one.symlink_to("/dev/zero")),
    "link": lambda path, chance: _replace(path, lambda one: one.symlink_to("/etc/passwd")),
    "folder": lambda path, chance: _replace(path, Path.mkdir),
    "sparse": lambda path, chance: os.truncate(path, 1 << 42),
    "gone": lambda path, chance: path.unlink(),
}


@contextmanager
def _in_time(what: str) -> Iterator[None]:
    def cry(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{what} hangs")

    before = signal.signal(signal.SIGALRM, cry)
    signal.alarm(HANGS_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("packed", "part"), [(False, 0.7), (True, 0.3)])
def test_readers_survive_whatever_lies_in_a_store(
    every_kind: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
    packed: bool,
    part: float,
) -> None:
    """No traceback, no error that was not expected, no hang, and an exit code of the contract."""
    monkeypatch.setattr(cache, "MIN_RUNS", 1)
    monkeypatch.delenv("HPCSWEEP_STORE", raising=False)
    study = tmp_path / "study"
    shutil.copytree(every_kind.root, study)
    monkeypatch.chdir(study)
    main_quietly(["table", "results"])  # fills the cache
    results = sorted(path.name[4:-5] for path in (study / "results").rglob("run-*.json"))
    [failed] = (study / "results").rglob("failed.*")
    manifest = next((study / "results").rglob("manifest.jsonl")).read_text().splitlines()[1:]
    broken = next(json.loads(line) for line in manifest if json.loads(line)["id"] == failed.parent.name)
    names = {"RUN": results[0], "OTHER": results[1], "FAILED": broken["runs"][0]["id"], "SWEEP": HEALTHY}
    if packed:
        pack(study / "results")
    for verb in VERBS:  # also imports what they import, which may take long
        assert main_quietly([names.get(word, word) for word in verb.split()]) in (0, 1, 3), capsys.readouterr().err
    files = [path for path in (study / "results").rglob("*") if path.is_file()]
    kinds = {kind_of(path): path for path in files if path.suffix != ".pkl"}
    assert len(kinds) >= 30
    chance, begun, tried = random.Random(SEED), time.monotonic(), Counter[str]()
    cases = [(kind, damage) for damage in DAMAGES for kind in kinds]
    chance.shuffle(cases)
    wrong: list[str] = []
    for number, (kind, damage) in enumerate(cases):
        if time.monotonic() - begun > LONG_S * part:
            break
        path, saved = kinds[kind], tmp_path / "saved"
        if not path.exists():  # a part of the cache that was written anew
            continue
        shutil.copy2(path, saved)
        names["SWEEP"] = f"sweeps/{_sweep_of(path, chance)}.toml"
        DAMAGES[damage](path, chance)
        for verb in (VERBS[number % len(VERBS)], VERBS[(number * 7 + 3) % len(VERBS)]):
            words = [names.get(word, word) for word in verb.split()]
            with _in_time(f"{kind} {damage}: {words}"):
                code = main_quietly(words)
            said = capsys.readouterr().err
            if code not in (0, 1, 2, 3) or "not expected" in said or "Traceback" in said:
                wrong.append(f"{kind} {damage}: {verb}: {names['SWEEP']}: exit code {code}: {said}")
        _remove(path)
        shutil.copy2(saved, path)
        tried[kind] += 1
    assert wrong == []
    assert tried.total() > 20 * part
    by_kind = ", ".join(f"{kind} {count}" for kind, count in sorted(tried.items()))
    how = "packed" if packed else "loose"
    record_property("counted", f"files damaged, {how}: {tried.total()} ({by_kind}); tracebacks: 0; hung: 0")


def _sweep_of(path: Path, chance: random.Random) -> str:
    """Return the name of a sweep whose store has this file: the one whose decision it is, else any."""
    if path.parent.name == "decisions":
        word = path.read_bytes().partition(b'"key":"')[2][:3]
        return {b"hal": "halved", b"sug": "searched"}.get(word, "walk")
    return chance.choice([*SWEEPS])


def main_quietly(words: list[str]) -> int:
    """Type a command, and return its exit code."""
    try:
        main(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    raise AssertionError("a command ended without an exit code")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
