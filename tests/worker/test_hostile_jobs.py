"""A worker that no job can bring down: each ending of a job's code is the outcome of its own run, and of no other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.store import Store
from tests.conftest import Study, make_study
from tests.worker.hostile.judging import Ended, Rows, require_named, require_others_done, rows_of

JOB = Path(__file__).parent / "hostile" / "job.py"
# kind -> what `status` says of it, None where the run is done all the same
KINDS: dict[str, str | None] = {
    "raises": "ValueError: bad luck",
    "exit-0-nothing-logged": "sys.exit() without a result",
    "exit-0-logged": None,
    "exit-2": "sys.exit() with 2",
    "exit-text": "sys.exit() with 'usage: train'",
    "argparse": "sys.exit() with 2",
    "keyboard-interrupt": "KeyboardInterrupt",
    "generator-exit": "GeneratorExit",
    "base-exception": "Unwelcome: all of it",
    "os-exit-0": "ended itself with exit code 0",
    "os-exit-7": "ended itself with exit code 7",
    "abort": "SIGABRT",
    "segfault": "SIGSEGV",
    "kill-9-itself": "died 3 times",
    "term-itself": "died 3 times",
    "stack-overflow": "RecursionError",
    "memory-error": "out of memory: MemoryError",
    "unencodable": "ValueError: \\udcff",
    "str-raises": "its text cannot be read",
    "long-error": "ValueError: xxxx",
    "returns-text": "the job returned a str",
    "returns-words": "expected one real number",
    "fork-without-exec": None,
    "fork-that-logs": None,
    "fork-that-stays": None,
    "thread-that-stays": None,
    "thread-that-exits-later": None,
    "process-that-stays": None,
    "stdout-closed": None,
    "descriptors-closed": None,
    "all-descriptors-closed": None,
    "stdout-replaced": None,
    "floods": None,
    "changes-folder": None,
    "removes-its-folder": None,
    "umask": None,
    "environment": None,
    "import-path": None,
    "locale": None,
    "signals-ignored": None,
    "signals-blocked": None,
    "niceness": None,
    "alarm": None,
    "stubborn-generator": None,
    "atexit": None,
    "excepthook": None,
}
FACTS = ("in its folder", "umask", "environment", "import path", "locale", "ignored", "blocked", "niceness", "threads")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, subprocess.CompletedProcess[str]]:
    """A sweep of every hostile kind with a good run after each, trained by one worker."""
    study = make_study(tmp_path_factory.mktemp("hostile"))
    study.job("hostile", JOB.read_text())
    kinds = [f'[[case]]\nkind = "{kind}"\n[[case]]\nkind = "good"\nturn = {turn}' for turn, kind in enumerate(KINDS)]
    path = study.sweep("s", "\n".join(['name = "s"\njob = "jobs/hostile.py:train"', *kinds]))
    return study, study.run("run", path, "--workers", "1", "--quiet")


@pytest.fixture(scope="module")
def rows(ended: Ended) -> Rows:
    """What `status --json` says of each run."""
    return rows_of(ended[0])


def test_every_other_run_is_done(rows: Rows, ended: Ended) -> None:
    """However many hostile runs a worker meets, all well-behaved ones are done, and the command says what failed."""
    require_others_done(rows, ended[1], KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_run_is_named(rows: Rows, kind: str) -> None:
    """What the job did is what its own run is recorded with; what harms only the process leaves the run done."""
    require_named(rows, kind, KINDS[kind])


def test_no_run_meets_what_another_left(ended: tuple[Study, Any]) -> None:
    """Folder, umask, environment, import path, locale, signals, niceness and threads are the same in each good run."""
    found = [one.facts["surroundings"] for one in Store(ended[0].store).results() if one.params["kind"] == "good"]
    for fact in FACTS:
        assert all(one[fact] == found[0][fact] for one in found), fact


def test_a_flood_of_output_is_bounded(ended: tuple[Study, Any], rows: list[dict[str, Any]]) -> None:
    """Of 300 MB of output the log keeps the beginning and the end, and says how much is left out."""
    (row,) = [row for row in rows if row["params"]["kind"] == "floods"]
    log = ended[0].run("logs", row["id"][:16]).stdout
    assert (
        log.index("this is floods") < log.index("bytes of output are left out here") < log.index("the end of the flood")
    )
    assert sum(path.stat().st_size for path in ended[0].store.rglob("log.*")) < 12_000_000


def test_nothing_of_a_job_runs_on(ended: tuple[Study, Any]) -> None:
    """Processes and forks that jobs left behind have ended with their worker."""
    root = str(ended[0].root).encode()
    folders = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            folders.append(bytes((process / "cwd").readlink()))
        except OSError:
            continue
    assert not [folder for folder in folders if folder.startswith(root)]
