"""What an NFS client may tell a worker: that a call failed which the server has done, and names that it keeps itself.

No kernel of ours mounts NFS, so its known behaviours are pretended, around the calls of a worker and of packing, and,
by a library that the linker puts before libc, around those of whole commands:

- a lost reply: the server has done the call; the client asks again, and is told EEXIST or ENOENT;
- silly rename: a file that is removed while somebody has it open stays as `.nfs...` in its folder;
- the attribute cache: for a while, a client sees the times of a file as they were.

ESTALE is among the errors of tests/worker/test_faults.py, and of tests/store/test_packs.py.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.launch.pack import pack
from hpcsweep.store import Store
from hpcsweep.store.claims import describe_owner, try_claim
from hpcsweep.store.manifest import Manifest
from hpcsweep.store.states import RunState
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.work_loop import drain
from tests.conftest import Study
from tests.store.test_packs import make_store, what_is_in
from tests.worker.test_faults import JOB, SWEEP, manifest, states, submission_in

__all__ = ["manifest"]
REPLIES = {
    "link": errno.EEXIST,
    "replace": errno.ENOENT,
    "unlink": errno.ENOENT,
    "mkdir": errno.EEXIST,
    "rmdir": errno.ENOENT,
}


def lose_replies(patch: pytest.MonkeyPatch, root: Path, call: str, every: int) -> list[int]:
    """Make every so-manyth of these calls inside `root` be done and look failed; the list counts them."""
    real, hits, calls = getattr(os, call), [0], [0]

    def lossy(*arguments: Any, **options: Any) -> Any:
        answer = real(*arguments, **options)
        if os.fspath(arguments[0]).startswith(str(root)):
            calls[0] += 1
            if calls[0] % every == 0:
                hits[0] += 1
                raise OSError(REPLIES[call], os.strerror(REPLIES[call]), str(arguments[0]))
        return answer

    patch.setattr(os, call, lossy)
    return hits


@pytest.mark.parametrize("call", ["link", "replace", "unlink", "mkdir"])
@pytest.mark.parametrize("every", [1, 3])
def test_a_lost_reply_is_no_failure(
    study: Study, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, call: str, every: int
) -> None:
    """A call that was done and looks failed makes no run fail, and the worker that met it ends the sweep by itself."""
    with monkeypatch.context() as patch:
        lose_replies(patch, study.store, call, every)
        drain(Store(study.store, probes=True), manifest, submission_in(study.store), Stop())
    assert states(study.store, manifest) == [RunState.DONE] * 4


@pytest.fixture(scope="module")
def lost_replies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library; skipped where there is no C compiler."""
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler: apt-get install gcc libc6-dev")
    library = tmp_path_factory.mktemp("library") / "lost_replies.so"
    source = Path(__file__).with_name("lost_replies.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source], check=True)
    return library


@pytest.mark.parametrize("every", [2, 5])
def test_commands_outlive_lost_replies(
    study: Study, lost_replies: Path, tmp_path: Path, record_property: Callable[[str, object], None], every: int
) -> None:
    """The commands, their workers and what those start lose replies from the first call on, and do their work."""
    study.job("walk", JOB)
    sweep, told = study.sweep("walk", SWEEP), tmp_path / "told.txt"
    environment = {"LD_PRELOAD": str(lost_replies), "LOSE_IN": str(study.root), "LOSE_TOLD": str(told)}
    merge = ("merge", study.store, "--store", study.root / "merged")
    run = ("run", sweep, "--quiet", "--workers", "2")
    for words in (run, ("pack",), ("pack", "--undo"), ("clean", "--yes"), merge):
        ended = study.run(*words, env={**environment, "LOSE_EVERY": str(every)})
        assert ended.returncode == 0, (words, ended.stderr)
    states = {run["state"] for run in json.loads(study.run("status", sweep, "--json").stdout)["runs"]}
    assert states == {RunState.DONE}
    lost = Counter(told.read_text().split())
    assert {"link", "rename", "unlink", "mkdir"} <= lost.keys()
    kinds = ", ".join(f"{call} {count}" for call, count in sorted(lost.items()))
    record_property("counted", f"replies lost to commands: {lost.total()} ({kinds}); runs failed: 0")


@pytest.mark.parametrize("call", ["replace", "unlink", "rmdir"])
def test_packing_outlives_lost_replies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Whichever replies are lost while a store is packed, every run is there, once."""
    make_store(tmp_path, runs=3)
    before = what_is_in(tmp_path)
    with monkeypatch.context() as patch:
        hits = lose_replies(patch, tmp_path, call, 2)
        pack(tmp_path)
    assert hits[0] > 0
    assert what_is_in(tmp_path) == before


def test_silly_renames_are_no_files_of_a_run(tmp_path: Path) -> None:
    """A `.nfs` name that somebody still holds open changes no result, packed or loose."""
    store = make_store(tmp_path, runs=3)
    before = what_is_in(tmp_path)
    for folder in tmp_path.glob("trajectories/*/*"):
        (folder / ".nfs000000000abc0001").write_bytes(b"{}")
    assert what_is_in(tmp_path) == before
    pack(store.root)
    assert what_is_in(tmp_path) == before


def test_old_attributes_take_no_claim_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sees a heartbeat as late as its attribute cache allows (60 s) leaves the claim to its owner."""
    folder = Store(tmp_path, probes=True).folder("ab" * 32)
    folder.path.mkdir(parents=True)
    claim = try_claim(folder, {**describe_owner("one"), "machine": "another"}, 300.0)
    assert claim
    real: Callable[..., os.stat_result] = os.stat
    late_s = 60 + 20  # of the cache, and since the last heartbeat

    def old(path: Any, **options: Any) -> os.stat_result:
        seen = real(path, **options)
        if "claim.g" not in os.fspath(path):
            return seen
        return os.stat_result((*seen[:7], seen.st_atime, seen.st_mtime - late_s, seen.st_ctime))

    monkeypatch.setattr(os, "stat", old)
    assert try_claim(folder, describe_owner("two"), 300.0) is None
    shutil.rmtree(tmp_path)
