"""`hpcsweep run`: everything is trained once, whatever dies, and the rest goes on."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcsweep.store import Store
from hpcsweep.store.claims import read_owner
from tests.conftest import Study

# Leaves one line in trained.txt for every epoch that it trains; resumes exactly.
WALK = """
import random, time
from pathlib import Path
import numpy as np

def walk(run, *, step: float, pause_s: float = 0.0, epochs: int):
    state = run.restore() or {"epoch": 0, "x": 0.0}
    if state["epoch"] == 0:
        run.log(epoch=0, loss=0.0)
    for epoch in range(state["epoch"] + 1, epochs + 1):
        if run.should_stop:
            return None
        time.sleep(pause_s)
        state = {"epoch": epoch, "x": state["x"] + step * np.random.standard_normal() + random.random()}
        run.log(epoch=epoch, loss=state["x"] ** 2)
        run.checkpoint(state)
        with open(Path(__file__).parent / "trained.txt", "a") as file:
            print(run.trajectory, epoch, file=file)
    return {"loss": state["x"] ** 2}
"""
SWEEP = """
name = "walk"
job = "jobs/walk.py:walk"
repeats = 2
[fixed]
pause_s = {pause_s}
[grid]
step = [0.1, 0.2, 0.3]
epochs = [3, 8]
"""

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def walk(study: Study) -> Study:
    """A study with the job `walk`."""
    study.job("walk", WALK)
    return study


def sweep(study: Study, pause_s: float = 0.0) -> Path:
    """Write the sweep `walk`."""
    return study.sweep("walk", SWEEP.format(pause_s=pause_s))


def trained(study: Study) -> list[str]:
    """Return a line for every epoch that was trained."""
    path = study.root / "jobs" / "trained.txt"
    return path.read_text().splitlines() if path.exists() else []


def recorded(store: Path) -> dict[str, tuple[bytes, ...]]:
    """Return the bits of every result's history but the times."""
    return {
        result.id: tuple(result.history[name].tobytes() for name in ("epoch", "loss"))
        for result in Store(store).results()
    }


def worker_pids(store: Path) -> list[int]:
    """Return the processes that hold a claim now."""
    opened = Store(store)
    looks = [opened.look(trajectory) for trajectory in opened.layout.trajectory_ids()]
    return [int(read_owner(look.folder, look.generation)["pid"]) for look in looks if look.alive]


def test_every_run_gets_its_own_whole_result(walk: Study) -> None:
    """Runs that share a trajectory are trained once, and each has a result of exactly its epochs."""
    ended = walk.run("run", sweep(walk))
    assert ended.returncode == 0, ended.stderr
    results = list(Store(walk.store).results())
    assert len(results) == 12
    assert all(result.history["epoch"].tolist() == list(range(result.params["epochs"] + 1)) for result in results)
    assert len(trained(walk)) == len(set(trained(walk))) == 6 * 8


def test_every_run_says_when_it_began_and_ended(walk: Study) -> None:
    """A result has the time of its trajectory's first attempt, and that of its own end, in UTC."""
    walk.run("run", sweep(walk))
    facts = [result.facts for result in Store(walk.store).results()]
    assert facts
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["started"]) for one in facts)
    assert all(one["started"] <= one["ended"] for one in facts)


def test_the_same_command_again_trains_nothing(walk: Study) -> None:
    """A second identical run repeats nothing and prints the same table."""
    first = walk.run("run", sweep(walk))
    before = trained(walk)
    second = walk.run("run", sweep(walk))
    assert second.returncode == 0
    assert trained(walk) == before
    assert second.stdout == first.stdout != ""


def test_values_added_to_a_grid_run_only_the_new_ones(walk: Study) -> None:
    """Adding a value trains its runs; raising epochs goes on from the last checkpoint."""
    walk.run("run", sweep(walk))
    path = walk.sweep("walk", SWEEP.format(pause_s=0.0).replace("0.3]", "0.3, 0.4]").replace("8]", "8, 10]"))
    planned = json.loads(walk.run("plan", path, "--json").stdout)
    assert planned["counts"] == {"new": 12, "done": 12, "resumable": 0, "failed": 0, "removed": 0}
    assert walk.run("run", path).returncode == 0
    assert len(trained(walk)) == len(set(trained(walk))) == 8 * 10


def test_killed_workers_lose_nothing_but_the_epochs_since_their_checkpoint(walk: Study, wait_until: Wait) -> None:
    """After kill -9 of the command and all workers in the middle, a second run ends with the undisturbed result."""
    path = sweep(walk, pause_s=0.05)
    command = walk.start("run", path, "--workers", "2")
    wait_until(lambda: len(trained(walk)) >= 12)
    command.kill()
    for pid in worker_pids(walk.store):
        os.kill(pid, signal.SIGKILL)
    command.communicate()
    wait_until(lambda: not worker_pids(walk.store))
    assert walk.run("run", path).returncode == 0
    undisturbed = walk.root / "undisturbed"
    seen = trained(walk)
    assert walk.run("run", path, "--store", undisturbed).returncode == 0
    assert recorded(walk.store) == recorded(undisturbed)
    assert len(recorded(undisturbed)) == 12
    assert len(seen) - len(set(seen)) <= 2  # the epoch that each worker was in when it was killed


def test_ctrl_c_stops_with_checkpoints_and_exit_code_130(walk: Study, wait_until: Wait) -> None:
    """Ctrl-C ends the command and its workers cleanly; the same command finishes and repeats no epoch."""
    path = sweep(walk, pause_s=0.05)
    command = walk.start("run", path, "--workers", "2")
    wait_until(lambda: len(trained(walk)) >= 6)
    os.killpg(command.pid, signal.SIGINT)  # as a terminal does: to the command and to all that it started
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    assert "the same command continues from here" in said
    assert "Traceback" not in said
    assert not worker_pids(walk.store)
    assert 0 < len(trained(walk)) < 48
    assert walk.run("run", path).returncode == 0
    assert len(trained(walk)) == len(set(trained(walk))) == 48


def test_a_worker_that_dies_is_replaced(walk: Study, wait_until: Wait) -> None:
    """When a worker is killed while the command goes on, its trajectory is finished by another."""
    command = walk.start("run", sweep(walk, pause_s=0.05), "--workers", "1")
    wait_until(lambda: len(trained(walk)) >= 3)
    os.kill(worker_pids(walk.store)[0], signal.SIGKILL)
    _, said = command.communicate(timeout=120)
    assert command.returncode == 0, said
    assert len(recorded(walk.store)) == 12


FAILS = """
import os
def train(run, *, kind: str, epochs: int = 2):
    print("something useful")
    if kind == "raises":
        raise ValueError("the third layer does not fit")
    if kind == "dies":
        os._exit(7)
    if kind == "returns":
        return [1, 2]
    if kind == "nan":
        run.log(epoch=0, loss=float("nan"))
    if kind == "inf at last":
        return {"loss": float("inf")}
    return {"loss": 1.0}
"""


def test_one_crash_leaves_the_others_alone(study: Study) -> None:
    """A run that raises, dies or returns nonsense is marked failed with its cause; divergence is an outcome."""
    study.job("fails", FAILS)
    kinds = '["fine", "raises", "dies", "returns", "nan", "inf at last"]'
    path = study.sweep("fails", f'name = "fails"\njob = "jobs/fails.py:train"\n[grid]\nkind = {kinds}\n')
    ended = study.run("run", path, "--workers", "1")
    assert ended.returncode == 1
    assert "3 run(s) failed" in ended.stderr
    status = json.loads(study.run("status", path, "--json").stdout)
    rows = {row["params"]["kind"]: row for row in status["runs"]}
    assert {kind: row["state"] for kind, row in rows.items()} == {
        "fine": "done",
        "raises": "failed",
        "dies": "failed",
        "returns": "failed",
        "nan": "diverged",
        "inf at last": "diverged",
    }
    assert rows["raises"]["cause"] == "raised: ValueError: the third layer does not fit"
    assert "ended itself with exit code 7" in rows["dies"]["cause"]
    assert "expected a mapping of numbers" in rows["returns"]["cause"]
    log = study.run("logs", rows["raises"]["id"][:12])
    assert "something useful" in log.stdout
    assert "in train" in log.stdout
    assert "Traceback" in log.stdout


def test_failed_runs_are_tried_again_only_when_asked(study: Study) -> None:
    """The same command leaves failed runs alone and says how to try them; --failed does."""
    job = study.job("fails", FAILS)
    path = study.sweep("fails", 'name = "fails"\njob = "jobs/fails.py:train"\n[grid]\nkind = ["fine", "raises"]\n')
    assert study.run("run", path).returncode == 1
    again = study.run("run", path)
    assert again.returncode == 1
    assert "--failed" in again.stderr
    job.write_text(FAILS.replace("raise ValueError", "ValueError"))
    assert study.run("run", path, "--failed").returncode == 2  # the other run was done by the code before
    assert study.run("run", path, "--failed", "--keep-code").returncode == 0


def test_a_run_of_two_sweeps_is_trained_once(walk: Study) -> None:
    """The store is shared: what another sweep has trained is not trained again."""
    walk.run("run", sweep(walk))
    before = len(trained(walk))
    path = walk.sweep("other", SWEEP.format(pause_s=0.0).replace('"walk"', '"other"'))
    assert walk.run("run", path).returncode == 0
    assert len(trained(walk)) == before


def test_a_shorter_run_after_a_longer_one_has_its_own_numbers(walk: Study) -> None:
    """Epochs asked for later, below what was trained, give the very numbers of the run trained alone."""
    text = SWEEP.format(pause_s=0.0)
    walk.run("run", walk.sweep("walk", text.replace("[3, 8]", "[8]")))
    walk.run("run", walk.sweep("walk", text.replace("[3, 8]", "[5]")))
    alone = walk.root / "alone"
    walk.run("run", walk.sweep("walk", text.replace("[3, 8]", "[5]")), "--store", alone)
    both = recorded(walk.store)
    assert recorded(alone).items() <= both.items()
    assert len(both) == 12


def test_two_commands_at_once_share_the_work(walk: Study) -> None:
    """Two users' commands on the same sweep and store train nothing twice, and both end well."""
    path = sweep(walk, pause_s=0.02)
    commands = [walk.start("run", path, "--workers", "1") for _ in range(2)]
    said = [command.communicate(timeout=120) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], said
    assert len(trained(walk)) == len(set(trained(walk))) == 48
    assert said[0][0] == said[1][0] != ""


def test_files_a_trajectory_are_a_handful(walk: Study) -> None:
    """However many epochs, a trajectory leaves a handful of files, and no temporary ones."""
    walk.run("run", sweep(walk))
    for folder in (walk.store / "trajectories").glob("*/*"):
        names = [path.name for path in folder.iterdir()]
        assert len(names) <= 10
        assert not [name for name in names if name.startswith(".tmp")]


def test_a_store_that_cannot_be_written_is_one_line(walk: Study) -> None:
    """A store whose folder is a file is refused in one line with exit code 2."""
    (walk.root / "occupied").write_text("")
    ended = walk.run("run", sweep(walk), "--store", walk.root / "occupied")
    assert ended.returncode == 2
    assert "cannot be written" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_log_line_now_and_then_where_there_is_no_terminal(walk: Study) -> None:
    """Without a terminal the progress is plain lines on stderr and the table alone on stdout."""
    ended = walk.run("run", sweep(walk))
    assert "\x1b" not in ended.stderr + ended.stdout
    assert "runs done" in ended.stderr
    assert "runs done" not in ended.stdout


SPARSE = """
def train(run, *, epochs: int):
    done = (run.restore() or {"epoch": 0})["epoch"]
    for epoch in range(done + 1, epochs + 1):
        every_second = {"val_loss": 1 / epoch} if epoch % 2 == 0 else {}
        run.log(epoch=epoch, loss=1 / epoch, **every_second)
        run.checkpoint({"epoch": epoch})
"""


def test_a_loss_that_is_logged_now_and_then_is_no_divergence(study: Study) -> None:
    """A run that goes on from a checkpoint is done like one that did not, though some epochs have no `val_loss`."""
    study.job("sparse", SPARSE)
    path = study.sweep("sparse", 'name = "sparse"\njob = "jobs/sparse.py:train"\n[grid]\nepochs = [2, 5]\n')
    assert study.run("run", path, "--quiet").returncode == 0
    status = json.loads(study.run("status", path, "--json").stdout)
    assert [(run["params"]["epochs"], run["state"]) for run in status["runs"]] == [(2, "done"), (5, "done")]


def test_a_store_in_whose_path_submitit_would_put_numbers_is_refused(walk: Study) -> None:
    """Logs would go astray, or workers not start: it is one line, and nothing is written."""
    for name in ("%a", "50%jobs", "a %t"):
        ended = walk.run("run", "--store", name, sweep(walk))
        assert (ended.returncode, "expected a path without it" in ended.stderr) == (2, True)
        assert not (walk.root / name).exists()
