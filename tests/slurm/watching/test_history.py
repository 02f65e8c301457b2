"""What the files alone say of workers, and what SLURM's one answer adds."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.slurm.watching.deaths import find_deaths
from hpcsweep.slurm.watching.history import histories
from hpcsweep.slurm.watching.queue import Queue, Task
from hpcsweep.slurm.watching.view import SlurmView, look_at_workers
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.task_files import SentArray, SlurmFiles
from hpcsweep.store.wanted import Wanted, write_wanted

START = {"event": "start", "restart": 0, "host": "dgx3"}
STOPPED = {"event": "stop", "restart": 0, "why": "nothing left", "next": ""}
PAUSED = {"event": "stop", "restart": 0, "why": "time", "next": "requeue"}
MARK = "submitit INFO (2026-11-20 10:00:00,1) - Starting with JobEnvironment(job_id=7, hostname=vm)\n"
OOM = (
    "slurmstepd-dgx1: error: Detected 1 oom-kill event(s) in StepId=1.0. Some of your processes may have been killed\n"
)
TIMED_OUT = "slurmstepd: error: *** STEP 7.0 ON dgx1 CANCELLED AT 2026-11-20T10:00:00 DUE TO TIME LIMIT ***\n"
NOT_ASKED, SILENT, FORGOTTEN = Queue({}, asked=False), Queue({}, "squeue: no answer"), Queue({})


def _exit(code: int, restart: int = 0) -> dict[str, Any]:
    return {"event": "exit", "code": code, "restart": restart, "host": "dgx3"}


def _told(state: str, **facts: Any) -> Queue:
    return Queue({"7": [Task("7", state, **facts)]})


@pytest.fixture
def files(tmp_path: Path) -> SlurmFiles:
    """A submission of one worker, SLURM job 7."""
    found = SlurmFiles(SubmissionFolder(tmp_path / "sweeps" / "s" / "1"))
    found.workers.mkdir(parents=True)
    found.record(SentArray("ab", "s.ab", 1, time.time(), "submit", "7"))
    return found


def _write(files: SlurmFiles, events: list[dict[str, Any]]) -> None:
    for event in events:
        files.add_event("7", **event)


@pytest.mark.parametrize(
    ("events", "log", "queue", "cause"),
    [
        ([START, STOPPED, _exit(0)], "", NOT_ASKED, None),
        ([START], "", SILENT, None),
        ([START], "", _told("RUNNING"), None),
        ([START], "", _told("PENDING"), "node failed"),
        ([START, _exit(137)], "", _told("PENDING"), None),
        ([START, _exit(137)], "", FORGOTTEN, "killed"),
        ([START, _exit(1)], "", FORGOTTEN, "raised"),
        ([START, _exit(1)], OOM, SILENT, "out of memory"),
        ([START, _exit(1)], OOM, _told("FAILED"), "out of memory"),
        ([START, _exit(1)], "I said: oom-kill, CANCELLED AT noon\n", SILENT, "raised"),
        ([START, _exit(1)], OOM + MARK, SILENT, "raised"),
        ([START, _exit(1)], "", _told("FAILED", exit_code=1, derived_signal=125), "out of memory"),
        ([START, _exit(78)], OOM, _told("FAILED"), "setup failed"),
        ([START, _exit(143)], TIMED_OUT, SILENT, "timeout"),
        ([START, PAUSED, _exit(0)], TIMED_OUT, _told("TIMEOUT"), None),
        ([START, PAUSED, _exit(0)], "", _told("CANCELLED"), "cancelled"),
        ([START, _exit(0)], "", FORGOTTEN, "lost"),
        ([START], "", FORGOTTEN, "lost"),
        ([START], TIMED_OUT, FORGOTTEN, "timeout"),
        ([START], "", _told("NODE_FAIL"), "node failed"),
        ([START], "", _told("COMPLETED"), None),
        ([], "", FORGOTTEN, "never began"),
        ([], "", SILENT, None),
        ([], "", _told("PENDING"), None),
        ([], "", _told("CANCELLED"), "cancelled"),
        ([], "", _told("BOOT_FAIL"), "boot failed"),
        ([START, {**START, "restart": 1}, STOPPED, _exit(0)], "", _told("RUNNING"), None),
        ([START, {**START, "restart": 1}, STOPPED, _exit(137)], "", FORGOTTEN, "lost"),
    ],
)
def test_the_best_witness_names_the_cause(
    files: SlurmFiles, events: list[dict[str, Any]], log: str, queue: Queue, cause: str | None
) -> None:
    """SLURM's state comes first where it says something definite, then its daemons' words, then the exit code."""
    _write(files, events)
    files.log_path("7").write_text(MARK + log)
    assert [death.cause for death in find_deaths(histories(files), queue)] == ([cause] if cause else [])


@pytest.mark.parametrize(
    ("events", "age_s", "may_live"),
    [
        ([], 9999, True),
        ([START], 1, True),
        ([START], 9999, False),
        ([START, PAUSED, _exit(0)], 9999, True),
        ([START, _exit(137)], 1, True),
        ([START, _exit(137)], 9999, False),
        ([START, STOPPED, _exit(0)], 1, False),
        ([START, PAUSED, _exit(0), {"event": "continued"}], 1, False),
        ([START, PAUSED, _exit(0), {"event": "left", "restart": 0}], 1, False),
    ],
)
def test_squeue_is_for_what_may_live(
    files: SlurmFiles, events: list[dict[str, Any]], age_s: float, may_live: bool
) -> None:
    """A worker that wrote down its end, or has been silent for as long as squeue remembers, is not in the queue."""
    (task,) = histories(files)
    assert task.may_live()
    lines = [{**event, "time": time.time() - age_s} for event in events]
    (task,) = (type(task)(one.name, one.array, one.files, lines) for one in histories(files))
    assert task.may_live() == may_live


def test_a_newer_submission_takes_over_what_older_ones_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deaths of workers whose work was sent again are past; when all that was sent last has ended, nobody is asked."""
    monkeypatch.setenv("PATH", "/nowhere")  # a question would leave a note behind
    store = Store(tmp_path)
    found = []
    for number, events in enumerate([[START, _exit(137)], [START, STOPPED, _exit(0)]]):
        files = SlurmFiles(SubmissionFolder(tmp_path / "sweeps" / "s" / f"20261120-10000{number}-000"))
        files.workers.mkdir(parents=True)
        files.submission.manifest.touch()
        files.write_terms({})
        found += [death.cause for death in look_at_workers(store, "s").deaths]
        files.record(SentArray("ab", "s.ab", 1, time.time(), "submit", "7"))
        files.events_path("7").write_text("".join(json.dumps({**event, "time": 0}) + "\n" for event in events))
    assert found == ["killed"]
    assert look_at_workers(store, "s") == SlurmView(finished=True)


def test_workers_of_others_that_slurm_hides_are_not_called_dead(
    tmp_path: Path, files: SlurmFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where users see their own jobs only, nobody knows whether another's worker lives; so nothing more is advised."""
    files.submission.manifest.touch()
    files.write_terms({})
    _write(files, [START])
    write_wanted(Store(tmp_path).layout, "s", Wanted(1))
    (tmp_path / "squeue").write_text("#!/bin/sh\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    own = look_at_workers(Store(tmp_path), "s", left=1)
    monkeypatch.setattr(SlurmFiles, "owner", os.geteuid() + 1)
    others = look_at_workers(Store(tmp_path), "s", left=1)
    assert [death.cause for death in own.deaths] == ["lost"]
    assert not others.deaths
    assert [note.what for note in others.notes] == [
        "SLURM says nothing here of 1 workers that others have sent; they may be at work"
    ]
