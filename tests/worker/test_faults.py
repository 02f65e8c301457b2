"""Faults of the machine, injected at the calls of a run: none is a failure of the run."""

from __future__ import annotations

import builtins
import errno
import mmap
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.launch.plan import plan_of
from hpcsweep.launch.submission import manifest_of, write_submission
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, read_manifest
from hpcsweep.store.states import RunState
from hpcsweep.sweep.load import load_sweep
from hpcsweep.worker import faults
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.work_loop import drain
from tests.conftest import Study

JOB = """
def walk(run, *, step: float, epochs: int):
    state = run.restore() or {"epoch": 0}
    for epoch in range(state["epoch"] + 1, epochs + 1):
        run.log(epoch=epoch, loss=step / epoch)
        run.checkpoint({"epoch": epoch})
"""
SWEEP = 'name = "walk"\njob = "jobs/walk.py:walk"\n[grid]\nstep = [0.1, 0.2]\nepochs = [1, 3]\n'
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS, errno.EACCES)
TORTURE = "HPCSWEEP_TORTURE" in os.environ
"""Whether each error is injected at each position, and not only at some."""
CALLS = ("open", "fsync", "replace", "link", "utime", "mkdir", "scandir", "stat")


@pytest.fixture
def manifest(study: Study, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A submission of four runs on two trajectories, and workers that wait for no fault to pass."""
    monkeypatch.setattr(faults, "WAITS_S", (0.0, 0.0))
    monkeypatch.setattr(faults, "PAUSES_S", (0.0, 0.0))
    study.job("walk", JOB)
    sweep, store = load_sweep(study.sweep("walk", SWEEP)), Store(study.store)
    plan = plan_of(sweep, store)
    orders = manifest_of(plan, store, plan.unfinished(failed=False))
    return read_manifest(write_submission(plan, store, orders).manifest, to_train=True)


class Injector:
    """Makes calls that touch a store fail: the `first` and the `count - 1` calls after it."""

    def __init__(self, store: Path, code: int, first: int, count: int) -> None:
        self._store, self._code, self._first, self._end = store, code, first, first + count
        self.calls = 0
        self.hit = mmap.mmap(-1, 1)  # shared with the children that train

    def around(self, function: Callable[..., Any], *, writes: bool) -> Callable[..., Any]:
        """Return a function that does the same unless it is its turn to fail."""

        def call(*arguments: Any, **options: Any) -> Any:
            path = arguments[0]
            of_store = not isinstance(path, int) and os.fspath(path).startswith(str(self._store / "trajectories"))
            if (of_store or isinstance(path, int)) and (not writes or arguments[1:2] in (("xb",), ("wb",))):
                self.calls += 1
                if self._first <= self.calls < self._end:
                    self.hit[0] = 1
                    raise OSError(self._code, os.strerror(self._code), None if isinstance(path, int) else str(path))
            return function(*arguments, **options)

        return call


def submission_in(store: Path) -> SubmissionFolder:
    """Return the folder of the submission that the workers belong to."""
    return SubmissionFolder(store / "sweeps" / "walk" / "1")


def train(
    store: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, call: str, code: int, first: int, count: int = 1
) -> int:
    """Be a worker for which a call fails; return 1 if it did. It trains in a forked child, which inherits the fault."""
    injector = Injector(store, code, first, count)
    module = builtins if call == "open" else os
    with monkeypatch.context() as patch:
        patch.setattr(module, call, injector.around(getattr(module, call), writes=call == "open"))
        drain(Store(store, probes=True), manifest, submission_in(store), Stop())
    return injector.hit[0]


def states(store: Path, manifest: Manifest) -> list[str]:
    """Return the states of the runs: done, failed, or what is left to do."""
    looks = [Store(store).look(trajectory.id) for trajectory in manifest.trajectories]
    assert not any(look.life.value == "alive" for look in looks)
    return [
        RunState.FAILED if look.failed_generation else RunState.DONE if run.id in look.done else "left"
        for look, trajectory in zip(looks, manifest.trajectories, strict=True)
        for run in trajectory.runs
    ]


@pytest.mark.parametrize("call", CALLS)
def test_a_single_error_is_no_failure(
    study: Study,
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    call: str,
) -> None:
    """Whichever call of a worker fails, once, with whatever error of the machine: the same command finishes."""
    sample = [(position, ERRORS[position % len(ERRORS)]) for position in range(1, 31, 4)]
    every = [(position, code) for position in range(1, 49) for code in ERRORS]
    hit = 0
    for position, code in every if TORTURE else sample:
        hit += train(study.store, manifest, monkeypatch, call, code, position)
        assert RunState.FAILED not in states(study.store, manifest), (call, position, errno.errorcode[code])
        drain(Store(study.store, probes=True), manifest, submission_in(study.store), Stop())
        assert states(study.store, manifest) == [RunState.DONE] * 4
        shutil.rmtree(study.store / "trajectories")
    assert hit > 0
    record_property("counted", f"errors injected into {call}: {hit}; runs failed: 0; the same command finished {hit}")


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_that_stays_pauses_the_worker(
    study: Study, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """If nothing can be written from some file on, the worker ends and gives back, and nothing has failed."""
    train(study.store, manifest, monkeypatch, "open", code, first=10, count=10**6)
    assert set(states(study.store, manifest)) <= {RunState.DONE, "left"}
    assert "left" in states(study.store, manifest)
    said = capfd.readouterr().err
    assert "paused by a fault of the machine" in said
    assert f"{os.strerror(code)} (write)" in said
    drain(Store(study.store, probes=True), manifest, submission_in(study.store), Stop())
    assert states(study.store, manifest) == [RunState.DONE] * 4


def test_an_error_of_the_job_is_still_a_failure(tmp_path: Path) -> None:
    """What a job may not read elsewhere, or does not find, is its own affair; a full disk is not, however wrapped."""
    store = tmp_path / "store"
    assert not faults.is_fault(PermissionError(errno.EACCES, "no", "/etc/shadow"), store)
    assert not faults.is_fault(FileNotFoundError(errno.ENOENT, "no", str(store / "x")), store)
    assert not faults.is_fault(ValueError("no"), store)
    assert faults.is_fault(PermissionError(errno.EACCES, "no", str(store / "x")), store)
    assert faults.is_fault(OSError(errno.ENOSPC, "no", "/tmp/x"), store)
    assert faults.is_fault(RuntimeError("Unable to write (errno = 28, No space left on device)"), store)
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = OSError(errno.EIO, "no")
    assert faults.is_fault(wrapped, store)
