"""What `status` says of workers that were killed: how much memory was used there, and that nothing is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.cli.printing import print_status
from hpcsweep.launch.status import status
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.store import Result, Store
from hpcsweep.store.claims import describe_owner, try_claim
from hpcsweep.store.events import Event
from hpcsweep.store.reader import read_record
from hpcsweep.store.results import publish_result
from hpcsweep.store.submissions import new_submission
from hpcsweep.store.task_files import SentArray, SlurmFiles
from hpcsweep.store.wanted import Wanted, write_wanted
from hpcsweep.sweep.load import Sweep, load_sweep
from hpcsweep.worker.run.heartbeat import Heartbeat
from tests.conftest import Study

JOB = "def train(run, *, size: int):\n    pass\n"
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\nprofile = "cluster"\n[grid]\nsize = [4]\n'
LEASE_S = 60.0


class Using:
    """A run that uses so much memory."""

    def __init__(self, gb: float) -> None:
        self.gb = gb

    def progress(self) -> dict[str, Any]:
        return {"metrics": {}, "memory_gb": self.gb}


@pytest.fixture
def sweep(study: Study, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """A sweep of one run whose two workers were killed: the first when it had 3.1 of 4 GB, the next early."""
    monkeypatch.chdir(study.root)
    monkeypatch.setenv("PATH", "/nowhere")  # the files say it all
    study.job("job", JOB)
    (study.root / "jobs" / "profiles").mkdir()
    (study.root / "jobs" / "profiles" / "cluster.toml").write_text('scheduler = "slurm"\nmem_gb = 4\n')
    sweep, store = load_sweep(study.sweep("s", SWEEP)), Store(study.store)
    store.create()
    files = SlurmFiles(new_submission(store.layout, "s", [], []))
    files.workers.mkdir(exist_ok=True)
    files.write_terms(SlurmTerms(Request(3600, mem_gb=4.0)).to_json())
    files.record(SentArray("ab", "s.ab", 2, time.time(), "submit", "7"))
    write_wanted(store.layout, "s", Wanted(2))
    for task in ("7_0", "7_1"):
        files.add_event(task, event=Event.START, restart=0, host="dgx1")
        files.add_event(task, event=Event.EXIT, restart=0, host="dgx1", code=137)
    return sweep


def begin(sweep: Sweep, task: str, used_gb: float, wait_until: Callable[[Callable[[], bool]], None]) -> None:
    """Let a worker take the run, use so much memory and die."""
    folder = Store(Path("results")).folder(sweep.runs[0].trajectory)
    folder.path.mkdir(parents=True, exist_ok=True)
    owner = describe_owner(task)
    claim = try_claim(folder, owner | {"pid_started": owner["pid_started"] + 1}, LEASE_S)  # a process that is gone
    assert claim is not None
    before = folder.progress.stat().st_mtime_ns if folder.progress.exists() else 0
    with Heartbeat(claim, LEASE_S, LEASE_S) as heartbeat:
        heartbeat.reporter = Using(used_gb)
        wait_until(lambda: folder.progress.exists() and folder.progress.stat().st_mtime_ns > before)
    assert read_record(folder.progress)["memory_gb"] == 3.1


def said_of(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `status` prints."""
    print_status(status(sweep))
    return capsys.readouterr().out


def test_what_a_run_used_is_known_after_others_took_it_over(
    sweep: Sweep, wait_until: Callable[[Callable[[], bool]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The first worker had 3.1 of 4 GB when it was killed, the next was killed early: more memory is advised."""
    begin(sweep, "7_0", 3.1, wait_until)
    begin(sweep, "7_1", 0.5, wait_until)
    said = said_of(sweep, capsys)
    assert "2 workers ended: killed from outside (SIGKILL)" in said
    assert "; it used 3.1 of 4 GB, so it may need more: hpcsweep resume --failed --mem 6G " in said
    assert "is not known" not in said


def test_where_all_is_done_nobody_is_told_to_type_anything(
    sweep: Sweep, wait_until: Callable[[Callable[[], bool]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers that were killed before others finished the sweep are told, and no command is."""
    begin(sweep, "7_0", 3.1, wait_until)
    assert "hpcsweep resume " in said_of(sweep, capsys)
    (run,) = sweep.runs
    history = {"epoch": np.arange(2), "loss": np.ones(2)}
    result = Result(run.id, run.trajectory, sweep.job.reference, 0, run.params, "done", 1, {}, {}, history, {})
    assert publish_result(Store(Path("results")).folder(run.trajectory), result, 2)
    said = said_of(sweep, capsys)
    assert "1 runs: 1 done\n" in said
    assert "2 workers ended: killed" in said
    assert "    nothing is left for it to do\n" in said
    assert "hpcsweep" not in said
