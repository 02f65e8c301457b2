"""The seam for another scheduler: what is asked of one is what SLURM answers, and nothing else is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import hpcsweep
from hpcsweep.slurm.asking.limits import ClusterLimits
from hpcsweep.slurm.asking.probe import Finding, Level
from hpcsweep.slurm.scheduler import SLURM, Scheduler
from hpcsweep.slurm.sending.submit import Recovered
from hpcsweep.slurm.terms import Request, SlurmTerms, WorkerArray
from hpcsweep.slurm.watching.queue import Queue, Task
from hpcsweep.slurm.watching.view import SlurmView
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.task_files import SentArray, SlurmFiles
from hpcsweep.sweep.profile import Profile
from tests.conftest import make_study


class Pretended:
    """Another scheduler, with a queue of its own and no command."""

    def __init__(self) -> None:
        self.tasks: dict[str, list[Task]] = {}
        self.woken: list[str] = []

    def is_here(self) -> bool:
        return True

    def limits(
        self, account: str | None, qos: str | None, submissions: Iterable[SlurmFiles] = ()
    ) -> tuple[Queue, ClusterLimits]:
        return self.living(), ClusterLimits(version="1", accounting=False)

    def ignored(self) -> list[str]:
        return []

    def examine(self, profile: Profile, store: Path, *, probe: bool) -> list[Finding]:
        return [Finding(Level.OK, f"a queue of {len(self.tasks)}")]

    def script(
        self, terms: SlurmTerms, submission: Path, workers: Path, job_name: str, array_size: int, throttle: int
    ) -> str:
        return f"#PRETENDED {array_size} {job_name}"

    def start(self, request: Request, array_size: int) -> str:
        return f"{array_size} at once"

    def send(
        self, files: SlurmFiles, terms: SlurmTerms, array: WorkerArray, links: int, say: Callable[[str], None]
    ) -> list[SentArray]:
        sent = SentArray("0", "s.0", array.size, 0.0, array.why, f"{len(self.tasks) + 70}", array.first, array.team)
        files.record(sent)
        self.tasks |= {name: [Task(name, "RUNNING")] for name in (f"{sent.array}_{n}" for n in range(array.size))}
        return [sent]

    def recover(self, files: SlurmFiles) -> list[Recovered]:
        return []

    def mail(self, submission: SubmissionFolder, terms: SlurmTerms, *arrays: str) -> str | None:
        return "there is no mail"

    def living(self, submissions: Iterable[SlurmFiles] = ()) -> Queue:
        return Queue(dict(self.tasks))

    def look(self, store: Store, sweep: str, *, at_work: bool = False, left: int = 0) -> SlurmView:
        return SlurmView(running=[attempts[-1] for attempts in self.tasks.values()])

    def at_work(self, store: Store, sweeps: list[str]) -> list[Path]:
        return []

    def cancel(self, tasks: Iterable[str], job_names: Iterable[str] = ()) -> str | None:
        self.tasks = {name: ways for name, ways in self.tasks.items() if name.partition("_")[0] not in {*tasks}}
        return None

    def wake(self, tasks: Iterable[str]) -> str | None:
        self.woken += tasks
        return None


def test_another_scheduler_answers_all_that_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no SLURM is, all verbs that send workers or ask for them go through another scheduler's calls alone."""
    study = make_study(tmp_path)
    other: Scheduler = Pretended()
    for name in [name for name in vars(Scheduler) if not name.startswith("_")]:
        monkeypatch.setattr(SLURM, name, getattr(other, name))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.chdir(study.root)
    study.job("job", "def train(run, *, size: int):\n    run.log(1, loss=0.0)\n")
    sweep = study.sweep("s", 'name = "s"\njob = "jobs/job.py:train"\nprofile = "slurm"\n[grid]\nsize = [1, 2, 3]\n')
    assert hpcsweep.start_of_workers(sweep) == "3 at once"
    assert hpcsweep.batch_script(sweep) == "#PRETENDED 3 s.TOKEN"
    assert [found.what for found in hpcsweep.doctor("slurm").findings] == ["a queue of 0"]
    sent = hpcsweep.submit(sweep)
    assert (sent.arrays, sent.workers) == (("70",), 3)
    assert hpcsweep.resume(sweep).living == 3
    view = hpcsweep.status(sweep).workers
    assert view is not None
    assert len(view.running) == 3
    assert hpcsweep.scale(sweep, 2).ending == ("70_2",)
    assert hpcsweep.cancel(sweep).arrays == ("70",)
    assert not other.living().tasks


def test_no_answer_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a scheduler is not there, every question gets a sentence in place of an exception."""
    monkeypatch.setenv("PATH", "/nowhere")
    queue, limits = SLURM.limits(None, None)
    assert queue.absent
    assert limits.unknown
    assert SLURM.living().problem
    assert SLURM.cancel(["7"])
    assert SLURM.wake(["7_0"])
