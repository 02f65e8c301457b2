"""A worker that no program can bring down: each ending of a program is the outcome of its own run, and of no other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.store import Store
from tests.conftest import Study, make_study
from tests.worker.hostile.judging import Ended, Rows, require_named, require_others_done, rows_of

PROGRAM = Path(__file__).parents[1] / "hostile" / "program.py"
# kind -> what `status` says of it, None where the run is done all the same
KINDS: dict[str, str | None] = {
    "exit-3": "exited: ProgramFailedError: the command ended with exit code 3; its last line: this is exit-3",
    "raises": "its last line: ValueError: bad luck",
    "not-utf-8-error": "exit code 1; its last line: \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} broken",
    "signal-SIGKILL": "killed: ProgramFailedError: the command ended with signal SIGKILL",
    "signal-SIGTERM": "signal SIGTERM",
    "signal-SIGSEGV": "crashed: ProgramFailedError: the command ended with signal SIGSEGV",
    "signal-SIGABRT": "signal SIGABRT",
    "signal-SIGUSR1": "signal SIGUSR1",
    "signal-SIGXCPU": "signal SIGXCPU",
    "signal-SIGRTMIN": "signal SIGRTMIN",
    "kills-its-group": "signal SIGKILL",
    "kills-its-worker": "died 3 times",
    "memory-error": "out of memory",
    "reads-stdin": "EOFError",
    "path-of-the-study": 'there is a "jobs/data.txt" in the study: give the command {study}/jobs/data.txt',
    "half-a-line": "expected an object of numbers",
    "no-object": "expected an object of numbers",
    "epoch-and-a-half": "found the epoch 1.5, expected a whole number",
    "text-as-a-metric": "expected an object of numbers",
    "half-a-line-and-exit-4": "exit code 4",
    "floods": None,
    "floods-one-line": None,
    "not-utf-8": None,
    "closes-stdout": None,
    "leaves-a-child": None,
    "leaves-a-daemon": None,
    "removes-its-folder": None,
    "removes-the-run's-folder": "exit code 1; its last line: FileNotFoundError",
    "checkpoint-is-a-file": None,
    "out-of-order": None,
    "repeats": None,
    "writes-csv-anew": None,
    "nan": None,
    "infinity": None,
    "many-lines": None,
    "carriage-returns": None,
    "unlinks-its-metrics": None,
    "priority": None,
}
FILE = """name = "s"
command = ["python3", "jobs/program.py", "{kind}", "{turn}"]
[command_options]
csv = "log.csv"
patterns = ["(?P<percent>[0-9]+) %"]
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, subprocess.CompletedProcess[str]]:
    """A sweep of every hostile kind with a good run after each, trained by one worker."""
    study = make_study(tmp_path_factory.mktemp("hostile"))
    study.job("program", PROGRAM.read_text())
    (study.root / "jobs" / "data.txt").touch()
    cases = [
        f'[[case]]\nkind = "{kind}"\nturn = 0\n[[case]]\nkind = "good"\nturn = {turn}'
        for turn, kind in enumerate(KINDS)
    ]
    path = study.sweep("s", FILE + "\n".join(cases))
    return study, study.run("run", path, "--workers", "1", "--quiet")


@pytest.fixture(scope="module")
def rows(ended: Ended) -> Rows:
    """What `status --json` says of each run."""
    return rows_of(ended[0])


def test_every_other_run_is_done(rows: Rows, ended: Ended) -> None:
    """However many hostile programs a worker meets, all others are done, and the command says what failed."""
    require_others_done(rows, ended[1], KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_program_is_named(rows: Rows, kind: str) -> None:
    """What the program did is what its own run is recorded with; what harms only itself leaves the run done."""
    require_named(rows, kind, KINDS[kind])


def test_epochs_are_in_order_and_each_once(ended: tuple[Study, Any]) -> None:
    """Out of order, repeated, rewritten or endless: the history has each epoch once, as it was said last."""
    histories = {one.params["kind"]: one.history for one in Store(ended[0].store).results()}

    def columns(kind: str, *names: str) -> list[list[float]]:
        return [np.asarray(histories[kind][name]).tolist() for name in names]

    assert columns("out-of-order", "epoch", "loss") == [[1, 2, 3], [0.5, 0.3, 0.25]]
    assert columns("repeats", "epoch", "loss") == [[1], [0.5]]
    assert columns("writes-csv-anew", "score") == [[0.25, 0.5, 0.75]]
    assert columns("many-lines", "epoch") == [list(range(1, 50_000))]
    assert columns("carriage-returns", "percent") == [[float(percent) for percent in range(100)]]
    assert np.isnan(histories["nan"]["score"][1])
    assert histories["infinity"]["score"][1] == -np.inf


def test_no_program_meets_what_another_left(ended: tuple[Study, Any]) -> None:
    """What one wrote beside its script is not there for the next."""
    assert not any(one.history.get("left", [0])[0] for one in Store(ended[0].store).results())


def test_a_flood_of_output_is_bounded(ended: tuple[Study, Any], rows: list[dict[str, Any]]) -> None:
    """Of 300 MB of output the log keeps the beginning and the end, and says how much is left out."""
    (row,) = [row for row in rows if row["params"]["kind"] == "floods"]
    log = ended[0].run("logs", row["id"][:16]).stdout
    assert (
        log.index("this is floods") < log.index("bytes of output are left out here") < log.index("the end of the flood")
    )
    assert sum(path.stat().st_size for path in ended[0].store.rglob("log.*")) < 24_000_000


def test_nothing_of_a_program_runs_on(ended: tuple[Study, Any]) -> None:
    """Children and daemons that programs left behind have ended with their run."""
    root = str(ended[0].root).encode()
    folders = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            folders.append(bytes((process / "cwd").readlink()))
        except OSError:
            continue
    assert not [folder for folder in folders if folder.startswith(root)]
