"""Packs: the same answers as from loose files, whatever happens while they are made."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.errors import NewerFormatError, StoreError
from hpcsweep.launch.merge import merge
from hpcsweep.launch.pack import pack
from hpcsweep.store import Result, Store, packing
from hpcsweep.store.adopt import adopt
from hpcsweep.store.aside import put_aside
from hpcsweep.store.claims import describe_owner, try_claim
from hpcsweep.store.layout import INDEX
from hpcsweep.store.leftovers import find_leftovers
from hpcsweep.store.made_by import Made
from hpcsweep.store.packing import pack_all, pack_if_many, take_out
from hpcsweep.store.reader import read_record
from hpcsweep.store.results import publish_result, read_result
from hpcsweep.store.stamps import result_stamps
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.work_loop import tidy_up
from tests.made_results import make_result

MADE = Made("c" * 16, "d" * 16)


def make_store(root: Path, runs: int = 5) -> Store:
    """Return a store with finished runs, each with the files that a worker leaves."""
    store = Store(root, probes=True)
    store.create()
    for number in range(runs):
        result = make_result({"layers": number}, metrics={"loss": number / 3})
        adopt(store, result, {"layers": number}, MADE)
        folder = store.folder(result.trajectory)
        folder.log(1).write_text(f"log of {number}\n")
        folder.checkpoint(1, 1, 3).write_bytes(b"a checkpoint")
    return store


def what_is_in(root: Path) -> dict[str, tuple[Any, ...]]:
    """Return all that a newly opened store tells: of each run its result, its files' names, its log, its state."""
    store = Store(root)
    told: dict[str, tuple[Any, ...]] = {}
    for trajectory_id, run_id in store.result_ids():
        folder = store.folder(trajectory_id)
        result = read_result(folder, run_id)
        arrays = {name: column.tobytes() for name, column in {**result.history, **result.arrays}.items()}
        logs = [folder.read(path) for path in store.log_paths(trajectory_id)]
        names = sorted(name for name in folder.names() if not name.startswith(".tmp-"))
        seen = store.look(trajectory_id)
        state = (seen.done, seen.generation, seen.checkpoint_epochs, seen.life, seen.deaths())
        told[run_id] = (result.params, result.metrics, result.facts, arrays, logs, names, state)
    return told


def error_of(root: Path, trajectory_id: str, run_id: str) -> str:
    """Return what a newly opened store says when it reads a result; nothing if that is whole."""
    try:
        read_result(Store(root).folder(trajectory_id), run_id)
    except StoreError as error:
        return str(error)
    return ""


def inodes(root: Path) -> int:
    """Return how many files and folders a store has."""
    return sum(1 for _ in root.rglob("*"))


def run_in_child(action: Callable[[], object]) -> int:
    """Return how a forked child ends that does something: its wait status."""
    child = os.fork()
    if not child:
        try:
            action()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(child, 0)[1]


CHANGES = ("open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.utime", "os.listdir", "os.scandir")


def fail_at(position: int, store: Path, fail: Callable[[], None]) -> None:
    """From now on, `fail` at one call of this process that opens or changes something in a store, or flushes it."""
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == position:
            fail()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in CHANGES and any(isinstance(one, str | Path) and str(store) in str(one) for one in arguments):
            count()

    fsync = os.fsync

    def counted(descriptor: int) -> None:
        fsync(descriptor)
        count()

    sys.addaudithook(hook)
    setattr(os, "fsync", counted)  # noqa: B010  # the type checker knows no two of them


def test_everything_is_as_it_was_before(tmp_path: Path) -> None:
    """Packed, taken out and packed again, a store tells the same of every run, and has few files in between."""
    store = make_store(tmp_path, runs=20)
    before, loose = what_is_in(tmp_path), inodes(tmp_path)
    assert pack(store).trajectories == 20
    assert what_is_in(tmp_path) == before
    assert inodes(tmp_path) < loose / 10
    assert pack(store, undo=True).taken_out == 20
    assert what_is_in(tmp_path) == before
    pack(store)
    assert what_is_in(tmp_path) == before


def test_unzip_undoes_it(tmp_path: Path) -> None:
    """A pack is a zip file that makes a store loose again with the tools that everybody has."""
    store = make_store(tmp_path)
    before = what_is_in(tmp_path)
    pack_all(store)
    [path] = store.layout.packs.glob("*.zip")
    zipfile.ZipFile(path).extractall(tmp_path)
    shutil.rmtree(store.layout.packs)
    assert {run: told[:-1] for run, told in what_is_in(tmp_path).items()} == {
        run: told[:-1] for run, told in before.items()
    }


@pytest.mark.parametrize(("undo", "step"), [(False, 1), (True, 4)])
def test_killed_at_any_call_nothing_is_lost(
    tmp_path: Path, record_property: Callable[[str, object], None], undo: bool, step: int
) -> None:
    """A process that packs, or takes out, may be killed at every call: each run is there, and the next one ends it."""
    make_store(tmp_path / "store", runs=3)
    before = what_is_in(tmp_path / "store")
    if undo:
        pack(tmp_path / "store")
    position, status = 0, 1
    while status:
        position += step
        root = tmp_path / f"copy{position}"
        shutil.copytree(tmp_path / "store", root)

        def act(root: Path = root, position: int = position) -> None:
            fail_at(position, root, lambda: os._exit(9))
            pack(root, undo=undo)

        status = run_in_child(act)
        assert what_is_in(root) == before, f"killed at call {position}"
        pack(Store(root, lease_s=0.01), undo=undo)
        assert what_is_in(root) == before, f"continued after call {position}"
        assert undo or not Store(root).layout.loose_ids(), f"left loose after call {position}"
        shutil.rmtree(root)
    assert position > 30
    record_property("counted", f"killed while {'taking out' if undo else 'packing'}: {position // step - 1}; lost: 0")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.ESTALE, errno.EACCES])
def test_an_error_at_any_call_loses_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None], code: int
) -> None:
    """Whatever call fails, with whatever error of the machine: each run is there, packed or loose."""
    make_store(tmp_path / "store", runs=3)
    before = what_is_in(tmp_path / "store")

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    positions = range(1, 120, 1 if "HPCSWEEP_TORTURE" in os.environ else 9)
    for position in positions:
        root = tmp_path / f"copy{position}"
        shutil.copytree(tmp_path / "store", root)

        def act(root: Path = root, position: int = position) -> None:
            fail_at(position, root, fail)
            pack(root)

        run_in_child(act)
        assert what_is_in(root) == before, f"{errno.errorcode[code]} at call {position}"
        shutil.rmtree(root)
    record_property("counted", f"{errno.errorcode[code]} while packing, at {len(positions)} calls; lost: 0")


def test_readers_never_miss_a_run(tmp_path: Path) -> None:
    """While a store is packed and taken out again and again, whoever reads it finds every run, whole."""
    store = make_store(tmp_path, runs=8)
    before = what_is_in(tmp_path)
    stamps = result_stamps(store.packs).keys()

    def churn() -> None:
        end = time.monotonic() + 6
        while time.monotonic() < end:
            pack(tmp_path)
            time.sleep(0.03)
            pack(tmp_path, undo=True)
            time.sleep(0.03)

    child = os.fork()
    if not child:
        try:
            churn()
        finally:
            os._exit(0)
    reads = 0
    while not os.waitpid(child, os.WNOHANG)[0]:
        told = what_is_in(tmp_path)
        assert {run: (*one[:5], one[6]) for run, one in told.items()} == {
            run: (*one[:5], one[6]) for run, one in before.items()
        }
        assert result_stamps(store.packs).keys() == stamps
        reads += 1
    assert reads > 5


def test_a_late_twins_result_does_not_count(tmp_path: Path) -> None:
    """What a worker publishes of a run that is packed already is ignored by readers, and removed by the next pack."""
    store = make_store(tmp_path, runs=1)
    before = what_is_in(tmp_path)
    [(trajectory_id, run_id)] = store.result_ids()
    twin: Result = read_result(store.folder(trajectory_id), run_id)
    twin.metrics["loss"] = 99.0
    pack_all(store)
    folder = Store(tmp_path).folder(trajectory_id)
    folder.path.mkdir(parents=True)
    assert not publish_result(folder, twin, 7)
    unaware = type(folder)(folder.path)
    assert publish_result(unaware, twin, 7)
    assert what_is_in(tmp_path) == before
    make_more = make_result({"layers": 77})
    adopt(store, make_more, {"layers": 77}, None)
    pack_all(store)
    assert not folder.path.exists()
    assert what_is_in(tmp_path)[run_id] == before[run_id]


def test_a_claim_counts_on(tmp_path: Path) -> None:
    """The attempt after those that are packed has the next number, and nobody trains what another has just packed."""
    store = make_store(tmp_path, runs=1)
    [(trajectory_id, _)] = store.result_ids()
    pack_all(store)
    claim = try_claim(Store(tmp_path).folder(trajectory_id), describe_owner("x"), 60)
    assert claim is not None
    assert claim.generation == 2
    assert try_claim(Store(tmp_path).folder(trajectory_id), describe_owner("y"), 60) is None


def test_what_is_at_work_or_failed_or_damaged_stays_loose(tmp_path: Path) -> None:
    """Only finished trajectories that are whole are packed; of the others nothing moves."""
    store = make_store(tmp_path, runs=4)
    ids = [trajectory_id for trajectory_id, _ in store.result_ids()]
    claim = try_claim(store.folder(ids[0]), describe_owner("at work"), 60)
    assert claim is not None
    store.folder(ids[1]).crew_at_work.touch()
    [record] = store.folder(ids[2]).path.glob("run-*.json")
    record.write_bytes(record.read_bytes().replace(b'"seed": 0', b'"seed": 1'))
    assert pack_all(store).trajectories == 1
    assert store.layout.loose_ids() == set(ids[:3])


def test_many_small_packs_become_few(tmp_path: Path) -> None:
    """However often a store is packed, the number of packs grows with the logarithm of what is in them."""
    store = make_store(tmp_path, runs=0)
    for number in range(24):
        adopt(store, make_result({"layers": number}), {"layers": number}, MADE)
        pack_all(store)
        assert len(store.packs.refreshed().all()) <= 6
    assert len(what_is_in(tmp_path)) == 24
    assert len(list(store.layout.packs.iterdir())) <= 13


def test_an_index_can_be_made_again(tmp_path: Path) -> None:
    """Without its index, or with a damaged one, a pack tells the same; a pack that is damaged is told in one line."""
    store = make_store(tmp_path)
    before = what_is_in(tmp_path)
    runs = store.packs.runs
    pack_all(store)
    [index] = [path for path in store.layout.packs.iterdir() if INDEX.fullmatch(path.name)]
    index.write_bytes(index.read_bytes().replace(b"done", b"gone"))
    assert what_is_in(tmp_path) == before
    assert {run.outcome for run in Store(tmp_path).packs.runs.values()} == {"done"}
    index.unlink()
    assert what_is_in(tmp_path) == before
    assert not runs
    [path] = store.layout.packs.glob("*.zip")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(StoreError, match="its SHA-256 does not match its name"):
        what_is_in(tmp_path)


def test_damage_inside_a_pack_is_seen_on_read(tmp_path: Path) -> None:
    """A changed byte of a packed result is damage to whoever reads that run, and to nobody else."""
    store = make_store(tmp_path)
    pack_all(store)
    [path] = store.layout.packs.glob("*.zip")
    data = path.read_bytes()
    at = data.index(b'"layers": 3')
    path.write_bytes(data[:at] + b'"layers": 9' + data[at + 11 :])
    errors = [error for ids in Store(tmp_path).result_ids() if (error := error_of(tmp_path, *ids))]
    assert len(errors) == 1
    assert "pack --undo" in errors[0]


def test_a_store_of_the_first_format_is_packed_only_on_request(tmp_path: Path) -> None:
    """Releases that know only format 1 may share such a store: no worker packs it, and after `pack` they refuse it."""
    store = make_store(tmp_path)
    store.layout.format.write_text(json.dumps({"format": 1}))
    assert pack_if_many(Store(tmp_path, probes=True)).trajectories == 0
    assert pack(tmp_path).trajectories == 5
    with pytest.raises(NewerFormatError, match="written by a newer hpcsweep; this one reads up to 1"):
        read_record(store.layout.format, 1)


def test_workers_pack_by_themselves_when_there_is_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a number of loose trajectories nothing is packed; from it on, all that is finished is."""
    store = make_store(tmp_path, runs=6)
    assert pack_if_many(store).trajectories == 0
    monkeypatch.setattr(packing, "ENOUGH", 6)
    tidy_up(store, Stop())  # what a worker does at its end
    assert not store.layout.loose_ids()
    assert len(store.packs.runs) == 6


def test_packed_results_are_put_aside_and_merged(tmp_path: Path) -> None:
    """Whole trajectories move out of a pack, and another store takes what is packed in this one."""
    store = make_store(tmp_path / "one")
    before = what_is_in(tmp_path / "one")
    pack_all(store)
    taken = [trajectory_id for trajectory_id, _ in store.result_ids()][:2]
    aside = put_aside(store, taken)
    assert len(what_is_in(aside)) == 2
    assert what_is_in(aside).items() <= before.items()
    assert len(what_is_in(tmp_path / "one")) == 3
    assert merge(tmp_path / "one", store=tmp_path / "two").came
    assert what_is_in(tmp_path / "two") == what_is_in(tmp_path / "one")


def test_clean_takes_checkpoints_out_of_packs(tmp_path: Path) -> None:
    """Asked for, the checkpoints of what is done are removed from packs too, and nothing else is."""
    store = make_store(tmp_path)
    pack_all(store)
    for one in list(find_leftovers(store, [], checkpoints=True)):
        one.remove()
    told = what_is_in(tmp_path)
    assert len(told) == 5
    assert all(not store.look(trajectory_id).checkpoint_epochs for trajectory_id, _ in Store(tmp_path).result_ids())
    assert not list(find_leftovers(Store(tmp_path), [], checkpoints=True))


def test_a_pack_that_says_anything_harms_nobody(tmp_path: Path) -> None:
    """A crafted zip under a right name, with other names, cut headers or an odd result in it, is called damaged."""
    from hpcsweep.files import sha256_hex

    store = make_store(tmp_path, runs=0)
    store.layout.packs.mkdir(exist_ok=True)
    crafted = [b"PK\x03\x04", b"PK\x03\x04" + b"\xff" * 40, b"", np.random.default_rng(0).bytes(500)]
    for name, text in (("../../../evil", b"x"), (f"trajectories/00/{'0' * 64}/run-{'1' * 64}.json", b"[" * 5000)):
        made = tmp_path / "made.zip"
        with zipfile.ZipFile(made, "w") as members:
            members.writestr(name, text)
        crafted.append(made.read_bytes())
    for data in crafted:
        path = store.layout.pack(sha256_hex(data))
        path.write_bytes(data)
        with suppress(StoreError):
            what_is_in(tmp_path)
        path.unlink()


def test_taking_out_needs_nobody_else_at_it(tmp_path: Path) -> None:
    """While one packs, another that would change packs is told so, and changes nothing."""
    store = make_store(tmp_path)
    pack_all(store)
    assert try_claim(TrajectoryFolder(store.layout.packs), describe_owner("another"), 60)
    with pytest.raises(StoreError, match="another process packs this store now"):
        take_out(Store(tmp_path, probes=True), [store.result_ids()[0][0]])
