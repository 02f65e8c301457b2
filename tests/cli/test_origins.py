"""A result belongs to the code, data and libraries that made it: what changes is said, nothing is kept by stealth."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.store import Store
from tests.cli.test_run import worker_pids
from tests.conftest import REPOSITORY, Study
from tests.data.writing import write_idx

SWEEP = 'name = "s"\njob = "jobs/job.py:train"\n'
Wait = Callable[[Callable[[], bool]], None]


def states(study: Study, path: Path) -> dict[str, int]:
    """Return the counts of `plan --json` that are not zero, after comparing them with those of `status --json`."""
    plan = json.loads(study.run("plan", path, "--json").stdout)
    status = json.loads(study.run("status", path, "--json").stdout)
    assert plan["counts"] == status["counts"]
    assert [run["state"] for run in plan["runs"]] == [run["state"] for run in status["runs"]]
    return {state: count for state, count in plan["counts"].items() if count}


def losses(store: Path) -> list[float]:
    """Return the final losses in a store."""
    return sorted(result.metrics["loss"] for result in Store(store).results())


def refusal(study: Study, *words: str | Path) -> str:
    """Type a command that must stop with one line and exit code 2, having printed no table; return the line."""
    ended = study.run(*words)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert ended.stdout == ""
    line = ended.stderr.strip().splitlines()[-1]
    assert line.startswith("hpcsweep: ")
    assert "Traceback" not in ended.stderr
    return line


BUGGY = """
import time
def train(run, *, epochs: int = 4):
    state = run.restore() or {"epoch": 0, "x": 0.0}
    for epoch in range(state["epoch"] + 1, epochs + 1):
        state = {"epoch": epoch, "x": state["x"] + STEP}
        run.log(epoch=epoch, loss=state["x"])
        run.checkpoint(state)
        if epoch == 2 and STEP == 1000.0:
            time.sleep(300)
"""


def test_a_checkpoint_of_a_bug_is_not_continued(study: Study, wait_until: Wait) -> None:
    """A job is killed at epoch 2 and mended: its run goes on from there only if somebody says so."""
    study.job("job", BUGGY.replace("STEP", "1000.0"))
    path = study.sweep("s", SWEEP)
    command = study.start("run", path, "--workers", "1")
    wait_until(lambda: bool(list((study.store / "trajectories").glob("*/*/checkpoint*e2"))))
    os.killpg(command.pid, signal.SIGKILL)  # the command, and all processes that it started
    command.communicate()
    wait_until(lambda: not worker_pids(study.store))
    study.job("job", BUGGY.replace("STEP", "1.0"))
    assert states(study, path) == {"begun by other code": 1}
    line = refusal(study, "run", path)
    assert "jobs/job.py: train changed" in line
    assert "--keep-code" in line
    assert "--retrain" in line
    assert study.run("run", path, "--retrain").returncode == 0
    (result,) = Store(study.store).results()
    assert result.history["loss"].tolist() == [1.0, 2.0, 3.0, 4.0]
    kept = next((study.store / "aside").glob("*/trajectories/*/*/checkpoint*"))
    assert kept.name.endswith("e2") or kept.name.endswith("e1")


def test_a_constant_of_an_imported_module_counts(study: Study) -> None:
    """Other code is a state of its own with the file and the name; --keep-code keeps, --retrain keeps the old aside."""
    (study.root / "lib").mkdir()
    rates = study.root / "lib" / "rates.py"
    rates.write_text("RATE = 1.0\n")
    study.job("job", "from lib.rates import RATE\ndef train(run, *, a: int = 0):\n    return {'loss': RATE}\n")
    path = study.sweep("s", SWEEP + "repeats = 2\n")
    assert study.run("run", path).returncode == 0
    rates.write_text('"""Rates."""\nRATE = (1.0)  # the same\n')
    assert states(study, path) == {"done": 2}
    rates.write_text("RATE = 2.0\n")
    assert states(study, path) == {"done by other code": 2}
    assert "lib/rates.py: RATE changed" in refusal(study, "run", path)
    assert "2 of 2 runs were done by other code: lib/rates.py: RATE changed" in study.run("table", path).stdout
    assert "-RATE = 1.0\n+RATE = 2.0" in study.run("diff", "--code", path).stdout
    assert study.run("run", path, "--keep-code").returncode == 0
    assert states(study, path) == {"done": 2}
    rates.write_text("RATE = 3.0\n")  # kept as code 2, not as any code
    assert study.run("run", path, "--retrain").returncode == 0
    assert losses(study.store) == [3.0, 3.0]
    (aside,) = (study.store / "aside").iterdir()
    assert losses(aside) == [1.0, 1.0]
    assert "1 ± 0 (2)" in study.run("table", path, "--store", aside).stdout


def test_a_cell_of_two_codes_is_marked(study: Study) -> None:
    """Results that are kept beside those of today's code are never averaged without a mark and a word."""
    study.job("job", "def train(run, *, a: int = 0):\n    return {'loss': 1.0}\n")
    study.run("run", study.sweep("s", SWEEP))
    study.job("job", "def train(run, *, a: int = 0):\n    return {'loss': 2.0}\n")
    path = study.sweep("s", SWEEP + "repeats = 2\n")
    said = study.run("run", path, "--keep-code").stdout
    assert "1.5 ± 0.7 (2)†" in said
    assert "takes together results of 2 versions of the code" in said
    (cell,) = json.loads(study.run("table", path, "--json").stdout)
    assert len(cell["mixed"]["code_sha256"]) == 2
    by_seed = study.run("table", path, "--rows", "seed").stdout
    assert "†" not in by_seed
    assert "cells differ in more than their parameters: 2 versions of the code made them (1 run " in by_seed


def test_two_studies_that_share_a_store_do_not_share_numbers(study: Study) -> None:
    """A job of the same path and other code in another study is refused the first one's results, and its own store."""
    study.job("job", "def train(run, *, a: int = 0):\n    return {'loss': 1.0}\n")
    study.run("run", study.sweep("s", SWEEP))
    second = Study(study.root.parent / "second")
    (second.root / "jobs").mkdir(parents=True)
    (second.root / "sweeps").mkdir()
    second.job("job", "def train(run, *, a: int = 0):\n    return {'loss': 2.0}\n")
    path = second.sweep("s", SWEEP)
    for words in ([], ["--retrain"]):
        line = refusal(second, "run", path, "--store", study.store, *words)
        assert f"results of another study for these runs, {study.root}" in line
        assert "--store DIR" in line
    assert losses(study.store) == [1.0]
    assert second.run("run", path).returncode == 0
    assert losses(second.store) == [2.0]


def test_a_changed_default_is_one_state_everywhere(study: Study) -> None:
    """Results of another default are not today's run: all verbs say so alike, and they cannot be kept as such."""
    job = "def train(run, *, rate: float = {}):\n    return {{'loss': rate}}\n"
    study.job("job", job.format(0.1))
    path = study.sweep("s", SWEEP)
    assert study.run("run", path).returncode == 0
    study.job("job", job.format(0.5))
    assert states(study, path) == {"done with other defaults": 1}
    line = refusal(study, "run", path, "--keep-code")
    assert "rate was 0.1, its default is 0.5 now" in line
    assert "hpcsweep migrate" in line
    table = study.run("table", path).stdout
    assert "0.1" not in table.splitlines()[3]
    assert "1 of 1 runs was done with other defaults" in table
    assert study.run("run", path, "--retrain").returncode == 0
    assert losses(study.store) == [0.5]


def put_mnist(folder: Path, images: int) -> None:
    """Write a data set of this many images in MNIST's form."""
    (folder / "mnist").mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for part, count in (("train", images), ("t10k", 10)):
        write_idx(folder / "mnist" / f"{part}-images-idx3-ubyte.gz", random.integers(0, 256, (count, 28, 28), np.uint8))
        write_idx(folder / "mnist" / f"{part}-labels-idx1-ubyte.gz", np.arange(count, dtype=np.uint8) % 10)


LOADS = """
from hpcsweep.data import load
def train(run, *, a: int = 0):
    return {"loss": float(len(load("mnist").x))}
"""


def test_another_data_set_under_the_same_name_is_seen(study: Study) -> None:
    """The data folder holds other images: `check` says so, runs are done by other data, a cell of both is marked."""
    study.job("job", LOADS)
    put_mnist(study.root / "data", 40)
    study.run("run", study.sweep("s", SWEEP))
    put_mnist(study.root / "data", 20)
    path = study.sweep("s", SWEEP + "repeats = 2\n")
    checked = study.run("data", "check")
    assert checked.returncode == 2
    assert "holds 20 training images that are not those of mnist as published" in checked.stdout
    assert states(study, path) == {"done by other data": 1, "new": 1}
    line = refusal(study, "run", path)
    assert "mnist has other content now" in line
    assert "--keep-data" in line
    said = study.run("run", path, "--keep-data").stdout
    assert "(2)†" in said
    assert "results of 2 sets of data" in said
    facts: list[dict[str, Any]] = [result.facts for result in Store(study.store).results()]
    assert sorted(one["data"]["mnist"]["examples"]["x"] for one in facts) == [20, 40]
    assert states(study, path) == {"done": 2}


def test_a_store_of_an_earlier_release_is_read_and_nothing_is_guessed(study: Study) -> None:
    """Where nothing is recorded of code and data, results stand and "not known" is said below the table."""
    study.job("job", "def train(run, *, a: int = 0):\n    run.checkpoint({})\n    return {'loss': 1.0}\n")
    path = study.sweep("s", SWEEP)
    study.run("run", path)
    as_of_earlier_release(study.store)
    assert states(study, path) == {"done": 1}
    said = study.run("run", path)
    assert said.returncode == 0
    assert "It is not known by which code and data 1 run was made" in said.stdout


def as_of_earlier_release(store: Path) -> None:
    """Take from a store what earlier releases did not write."""
    from hpcsweep.files import canonical_json, sha256_hex

    for path in (store / "trajectories").glob("*/*/made.*"):
        path.unlink()
    for path in (store / "trajectories").glob("*/*/run-*.json"):
        record = json.loads(path.read_bytes())
        del record["sha256"]
        for name in ("code_sha256", "snapshot", "data", "data_sha256", "libraries", "study", "restored"):
            del record["facts"][name]
        record["sha256"] = sha256_hex(canonical_json(record).encode())
        path.write_text(json.dumps(record, indent=1) + "\n")


TORCH = """
__version__ = "{version}"
def manual_seed(seed): ...
class State:
    def numpy(self):
        import numpy
        return numpy.zeros(1)
def get_rng_state():
    return State()
def set_rng_state(state): ...
def from_numpy(array): ...
class cuda:
    is_initialized = device_count = staticmethod(lambda: 0)
"""
GOES_ON = """
import torch
def train(run, *, a: int = 0, epochs: int = 4):
    start = (run.restore() or {"epoch": 0})["epoch"]
    for epoch in range(start + 1, epochs + 1):
        run.log(epoch=epoch, loss=float(epoch))
        run.checkpoint({"epoch": epoch})
        if epoch == 2 and start == 0 or torch.__version__ == "2.1.7":
            raise RuntimeError("not further")
"""


def test_a_checkpoint_is_continued_only_by_the_libraries_that_made_it(study: Study) -> None:
    """Another minor version of what trains is refused by name; another patch, or --retrain, is not."""
    folder = study.root.parent / "site-packages"
    folder.mkdir()
    study.job("job", GOES_ON)
    path = study.sweep("s", SWEEP)

    def run(version: str, *words: str) -> str:
        (folder / "torch.py").write_text(TORCH.format(version=version))
        places = {"PYTHONPATH": f"{folder}:{REPOSITORY}", "PYTHONDONTWRITEBYTECODE": "1"}
        study.run("run", path, *words, env=places)
        (run,) = json.loads(study.run("status", path, "--json").stdout)["runs"]
        return str(run["cause"])

    assert "not further" in run("2.1.0")
    assert "made with torch 2.1.0, and this worker has 2.2.1" in run("2.2.1", "--failed")
    assert "not further" in run("2.1.7", "--failed")
    assert run("2.1.3", "--failed") == "None"
    (result,) = Store(study.store).results()
    assert result.history["loss"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert result.facts["libraries"]["torch"] == "2.1.3"
