"""Commands that are cut off go on, their code is that of the submission, and nothing of them survives their worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.store import Store
from tests.conftest import Study, make_study

COUNTS = """
import json, os, signal, sys, time
from pathlib import Path

import rate

last, handles = int(sys.argv[1]), sys.argv[2]
state = Path(os.environ["HPCSWEEP_CHECKPOINT"], "state.json")
if handles == "ignores":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if handles == "exits-75":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
epoch, x = json.loads(state.read_text()) if state.exists() else (0, 1.0)
while epoch < last:
    time.sleep(0.1)
    epoch, x = epoch + 1, x * rate.RATE
    with open(os.environ["HPCSWEEP_METRICS"], "a") as file:
        file.write(json.dumps({"epoch": epoch, "x": x}) + "\\n")
    state.with_name("aside").write_text(json.dumps([epoch, x]))
    state.with_name("aside").rename(state)
"""
FILE = """name = "s"
command = ["python3", "jobs/counts.py", "{epochs}", "{handles}"]
[fixed]
handles = "HANDLES"
[grid]
epochs = EPOCHS
[command_options]
grace_s = 1
SHARES
"""


@pytest.fixture
def counting(tmp_path: Path) -> Study:
    """A study with a program that counts, ten epochs per second."""
    study = make_study(tmp_path)
    study.job("counts", COUNTS)
    study.job("rate", "RATE = 0.9\n")
    return study


def sweep(study: Study, handles: str = "dies", epochs: str = "[30]", shares: str = "") -> Path:
    """Write the sweep file."""
    text = FILE.replace("HANDLES", handles).replace("EPOCHS", epochs).replace("SHARES", shares)
    return study.sweep("s", text)


def wait_for_epochs(study: Study) -> None:
    """Wait until a program has counted a little."""
    until = time.monotonic() + 60
    while not any(len(path.read_text()) > 50 for path in study.store.rglob("metrics.jsonl")):
        assert time.monotonic() < until
        time.sleep(0.05)


def the_result(study: Study) -> Any:
    """Return the one result of the store."""
    (result,) = Store(study.store).results()
    return result


@pytest.mark.parametrize("handles", ["dies", "ignores", "exits-75"])
def test_a_stopped_program_goes_on(counting: Study, handles: str) -> None:
    """Whether it dies of the signal, ignores it or says that it paused, its history is that of one without a stop."""
    path = sweep(counting, handles)
    command = counting.start("run", path, "--workers", "1", "--quiet")
    wait_for_epochs(counting)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)
    assert command.returncode == 130
    assert "1 resumable" in counting.run("plan", path).stdout
    assert counting.run("run", path, "--workers", "1", "--quiet").returncode == 0
    history = the_result(counting).history
    assert history["epoch"].tolist() == list(range(1, 31))
    x = 1.0
    assert history["x"].tolist() == [x := x * 0.9 for _ in range(30)]
    assert len(the_result(counting).facts["attempts"]) == 2


def test_a_longer_run_goes_on_from_a_shorter_one_where_the_file_says_so(counting: Study) -> None:
    """With shares_epochs two lengths are one trajectory, and a shorter one that is added later starts anew."""
    path = sweep(counting, epochs="[5, 10]", shares="shares_epochs = true")
    assert "2 runs on 1 trajectories" in counting.run("plan", path).stdout.replace("trajectory", "trajectories")
    assert counting.run("run", path, "--quiet").returncode == 0
    sweep(counting, epochs="[3, 5, 10]", shares="shares_epochs = true")
    assert counting.run("run", path, "--quiet").returncode == 0
    lengths = {one.params["epochs"]: one.history["epoch"].tolist() for one in Store(counting.store).results()}
    assert lengths == {epochs: list(range(1, epochs + 1)) for epochs in (3, 5, 10)}


def test_edits_change_nothing_for_workers_on_their_way(counting: Study) -> None:
    """A module that is edited while runs wait is used by none of them, and `plan` says so afterwards."""
    path = sweep(counting, epochs="[8, 9, 10]")
    command = counting.start("run", path, "--workers", "1", "--quiet")
    wait_for_epochs(counting)
    counting.job("rate", "RATE = 0.5\n")
    command.communicate(timeout=120)
    assert command.returncode == 0
    assert {one.history["x"][0] for one in Store(counting.store).results()} == {0.9}
    assert "done by other code" in counting.run("plan", path).stdout
    assert "rate.py: RATE changed" in counting.run("status", path).stdout + counting.run("plan", path, "--all").stdout


def test_a_killed_worker_leaves_no_process(tmp_path: Path) -> None:
    """Children and daemons of a program end even if all processes of hpcsweep are killed at once."""
    study = make_study(tmp_path)
    study.job("starts", "import subprocess, time\nfor new in (False, True):\n    subprocess.Popen(['sleep', '600'], "
              "start_new_session=new)\nopen('ready', 'w').close()\ntime.sleep(600)\n")  # fmt: skip
    path = study.sweep("s", 'name = "s"\ncommand = ["python3", "jobs/starts.py"]\n')
    command = study.start("run", path, "--workers", "1", "--quiet")
    until = time.monotonic() + 60
    while not list(study.store.rglob("ready")):
        assert time.monotonic() < until
        time.sleep(0.05)
    programs = working_below(study.store)
    assert len(programs) >= 3
    for pid in {*descendants(command.pid)} - {*programs}:
        if b"read -r" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    command.kill()
    command.communicate()
    while working_below(study.store) and time.monotonic() < until:
        time.sleep(0.1)
    assert not working_below(study.store)


def working_below(folder: Path) -> list[int]:
    """Return the processes whose working folder is in `folder`, without the worker itself."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inside = (process / "cwd").readlink().is_relative_to(folder)
            if inside and b"hpcsweep" not in (process / "cmdline").read_bytes().split(b"\0")[0] and is_program(process):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def is_program(process: Path) -> bool:
    """Whether a process is one that a command has started."""
    return b"HPCSWEEP_PROGRAM=" in (process / "environ").read_bytes()


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below one, in any session."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(line.split()[0]): int(line.split()[1]) for line in listed.splitlines()}
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        below = [child for child, of in parents.items() if of == parent]
        found += below
        waiting += below
    return found


def test_a_program_that_is_nowhere_fails_no_run(tmp_path: Path) -> None:
    """What no worker can start is said once, in one line, before anything is recorded as failed."""
    study = make_study(tmp_path)
    path = study.sweep("s", 'name = "s"\ncommand = ["no-such-program", "{x}"]\n[grid]\nx = [1, 2]\n')
    ended = study.run("run", path)
    assert ended.returncode == 2
    assert 'found no program "no-such-program"' in ended.stderr
    assert json.loads(study.run("plan", path, "--json").stdout)["counts"]["new"] == 2
