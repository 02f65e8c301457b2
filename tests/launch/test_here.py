"""`hpcsweep.run` in Python: what it returns, and how it is stopped from a script, a thread or a notebook."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

import hpcsweep
from hpcsweep.launch.progress import Progress
from hpcsweep.store import Store
from tests.conftest import Study

WALK = """
import time
from pathlib import Path

def walk(run, *, step: float, pause_s: float = 0.0, epochs: int):
    state = run.restore() or {"epoch": 0}
    for epoch in range(state["epoch"] + 1, epochs + 1):
        if run.should_stop:
            return None
        time.sleep(pause_s)
        run.log(epoch=epoch, loss=step / epoch)
        run.checkpoint({"epoch": epoch})
        with open(Path(__file__).parent / "trained.txt", "a") as file:
            print(run.trajectory, epoch, file=file)
"""
SWEEP = 'name = "walk"\njob = "jobs/walk.py:walk"\n[fixed]\npause_s = {}\nepochs = 40\n[grid]\nstep = [0.1, 0.2]\n'
# no `if __name__ == "__main__"`: whoever imported this file again would start workers without end
SCRIPT = "import hpcsweep\nplan = hpcsweep.run('sweeps/walk.toml', workers=2, say=print)\nprint(plan.in_words())\n"
# the main thread does something else, as that of a web server or a graphical program does
THREADED = """
import threading, time
import hpcsweep

thread = threading.Thread(target=hpcsweep.run, args=("sweeps/walk.toml",), kwargs={"workers": 2, "say": print})
thread.start()
while thread.is_alive():
    time.sleep(0.1)
"""

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def walk(study: Study) -> Study:
    """A study with the sweep `walk` of two runs, that takes no time."""
    study.job("walk", WALK)
    study.sweep("walk", SWEEP.format(0.0))
    return study


def trained(study: Study) -> list[str]:
    """Return a line for every epoch that was trained."""
    path = study.root / "jobs" / "trained.txt"
    return path.read_text().splitlines() if path.exists() else []


def claimed(study: Study) -> bool:
    """Whether somebody is at work."""
    store = Store(study.store)
    return any(store.is_claimed(trajectory) for trajectory in store.layout.trajectory_ids())


def start_script(study: Study, text: str) -> subprocess.Popen[str]:
    """Start a script in a terminal's process group of its own."""
    (study.root / "script.py").write_text(text)
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=study.root,
        env=study.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_run_returns_the_plan_as_it_is_afterwards(walk: Study) -> None:
    """Everything is done when `run` returns; its `watch` saw the end of it, and it printed nothing."""
    looks: list[Progress] = []
    said: list[str] = []
    sweep = hpcsweep.load_sweep(walk.root / "sweeps" / "walk.toml")
    plan = hpcsweep.run(sweep, store=walk.store, workers=2, watch=looks.append, say=said.append)
    assert plan.states == ["done", "done"]
    assert (looks[-1].ended, looks[-1].trained) == (2, 80)
    assert said == ["walk: 2 runs on 2 trajectories: 2 new"]


def test_running_again_trains_nothing(walk: Study, capfd: pytest.CaptureFixture[str]) -> None:
    """The same call again starts no worker; neither call writes to the terminal."""
    path = walk.root / "sweeps" / "walk.toml"
    hpcsweep.run(path, store=walk.store)
    before = trained(walk)
    assert hpcsweep.run(path, store=walk.store).counts["done"] == 2
    assert trained(walk) == before
    assert capfd.readouterr() == ("", "")


def test_failed_runs_are_in_the_plan(study: Study) -> None:
    """A run that raised is returned as failed, and is tried again only with `failed=True`."""
    job = study.job("walk", "def walk(run, *, step: float):\n    raise ValueError('no further')\n")
    path = study.sweep("walk", 'name = "walk"\njob = "jobs/walk.py:walk"\n[grid]\nstep = [0.1]\n')
    assert [run.params for run in hpcsweep.run(path, store=study.store).failed()] == [{"step": 0.1}]
    job.write_text("def walk(run, *, step: float):\n    return {'loss': step}\n")
    assert hpcsweep.run(path, store=study.store).states == ["failed"]
    assert hpcsweep.run(path, store=study.store, failed=True).states == ["done"]


def test_the_data_folder_of_one_sweep_is_not_that_of_the_next(study: Study) -> None:
    """Jobs see their own study's data folder, and the caller's environment stays as it was."""
    study.job("data", "import os\ndef walk(run, *, step: float):\n    print(os.environ['HPCSWEEP_DATA'])\n")
    for name, profile in (("one", 'profile = "there"\n'), ("other", "")):
        text = f'name = "{name}"\njob = "jobs/data.py:walk"\n{profile}seeds = [{len(name)}]\n[grid]\nstep = [0.1]\n'
        study.sweep(name, text)
    (study.root / "jobs" / "profiles").mkdir()
    (study.root / "jobs" / "profiles" / "there.toml").write_text('data = "/there"\n')
    before = dict(os.environ)
    seen = []
    for name in ("one", "other"):
        plan = hpcsweep.run(study.root / "sweeps" / f"{name}.toml", store=study.store)
        seen.append(hpcsweep.logs(study.store, plan.sweep.runs[0].id).text.splitlines()[-1])
    assert seen == ["/there", str(study.root / "data")]
    assert dict(os.environ) == before


def test_it_works_in_another_thread(walk: Study) -> None:
    """`run` needs no main thread."""
    plans = []
    path = walk.root / "sweeps" / "walk.toml"
    thread = threading.Thread(target=lambda: plans.append(hpcsweep.run(path, store=walk.store, workers=2)))
    thread.start()
    thread.join(timeout=240)
    assert [plan.counts["done"] for plan in plans] == [2]


@pytest.mark.parametrize("script", [SCRIPT, THREADED], ids=["main thread", "other thread"])
def test_ctrl_c_in_a_script_lets_the_workers_checkpoint(walk: Study, wait_until: Wait, script: str) -> None:
    """Ctrl-C ends a script without a `__main__` guard, whichever thread trains, and no epoch is trained twice."""
    walk.sweep("walk", SWEEP.format(0.1))
    running = start_script(walk, script)
    wait_until(lambda: len(trained(walk)) >= 4)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does, and a notebook that is interrupted
    said, errors = running.communicate(timeout=120)
    assert running.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert "stopped; the same command continues from here" in said
    assert not claimed(walk)
    stopped_at = len(trained(walk))
    assert 0 < stopped_at < 80
    ended = subprocess.run([sys.executable, "script.py"], cwd=walk.root, env=walk.environment(), check=False)
    assert ended.returncode == 0
    assert len(trained(walk)) == len(set(trained(walk))) == 80


def test_run_says_whom_it_waits_for(walk: Study) -> None:
    """While another machine trains what is left, `run` names its worker, and takes over when it falls silent."""
    sweep, store = hpcsweep.load_sweep(walk.root / "sweeps" / "walk.toml"), Store(walk.store)
    store.create()
    folder = store.folder(sweep.runs[0].trajectory)
    folder.path.mkdir(parents=True)
    folder.claim(1).write_text(json.dumps({"worker": "8_1", "host": "node8", "machine": "elsewhere", "pid": 1}))
    waited: list[str] = []

    def say(line: str) -> None:
        if line.startswith("waiting"):
            waited.append(line)
            os.utime(folder.claim(1), (1, 1))

    assert hpcsweep.run(sweep, store=store, workers=1, say=say).states == ["done", "done"]
    [line] = waited
    assert "trained by 8_1 on node8 (last sign" in line
