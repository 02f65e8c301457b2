"""Jobs as people write them, through the command line: configurations, no `run`, and names of any signs."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.conftest import Study, make_study

JOB = """
from dataclasses import dataclass, field
from pathlib import Path

@dataclass
class Optimizer:
    lr: float = 0.5
    betas: tuple[float, float] = (0.5, 0.25)

@dataclass
class Config:
    optimizer: Optimizer = field(default_factory=Optimizer)
    data: Path = Path("data")
    seed: int = 0

def train(run, config: Config, epochs: int = 2):
    for epoch in range(1, epochs + 1):
        run.log(epoch=epoch, **{"val/acc": config.optimizer.lr + epoch, "top-5 acc": 1.0, "f1.macro": 0.5})
    assert config.seed == run.seed and config.data == Path("data") and config.optimizer.betas == (0.5, 0.25)

def product(x: float, weights: dict[str, float], seed: int) -> float:
    return x * weights["a"] + seed
"""
SWEEP = """
name = "named"
job = "jobs.named:train"
repeats = 2
[grid]
config.optimizer.lr = [0.5, 1.5]
[metrics]
"val/acc" = "max"
[table]
rows = ["config.optimizer.lr"]
value = ["max_val/acc"]
"""
PLAIN = """
name = "plain"
job = "jobs/named.py:product"
seeds = [3]
[fixed]
weights = {a = 2.0}
[grid]
x = [1, 4]
"""


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study whose metrics and parameters have slashes, dots, dashes and spaces, trained."""
    study = make_study(tmp_path_factory.mktemp("named"))
    study.job("named", JOB)
    study.sweep("named", SWEEP)
    done = study.run("run", "sweeps/named.toml")
    assert done.returncode == 0, done.stderr
    return study


def cells(study: Study, *options: str) -> list[dict[str, float]]:
    """Return the cells of a table."""
    done = study.run("table", "sweeps/named.toml", "--format", "json", *options)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, float]] = json.loads(done.stdout)
    return found


def test_names_work_in_tables_and_filters(named: Study) -> None:
    """A name of any signs is a row, a value, a condition and a threshold, written as it is called."""
    assert [cell["mean"] for cell in cells(named)] == [2.5, 3.5]
    assert [cell["mean"] for cell in cells(named, "--value", "epochs_to(val/acc >= 2.5)")] == [2.0, 1.0]
    assert [cell["mean"] for cell in cells(named, "--value", "top-5 acc")] == [1.0, 1.0]
    for condition in (
        "max_val/acc > 3",
        "config.optimizer.lr == 1.5 and last_f1.macro < 1",
        "last_top-5 acc / 2 == 0.5",
    ):
        kept = [cell["config.optimizer.lr"] for cell in cells(named, "--where", condition)]
        assert kept == ([0.5, 1.5] if "top-5" in condition else [1.5]), condition


def test_names_work_in_what_is_written(named: Study) -> None:
    """Exports, figures and the report page take names of any signs."""
    assert named.run("export", "sweeps/named.toml", "--out", "out", "--csv").returncode == 0
    history = pd.read_csv(named.root / "out" / "history.csv")
    assert sorted(history["val/acc"].unique()) == [1.5, 2.5, 3.5]
    assert {"top-5 acc", "f1.macro"} <= set(history)
    drawn = named.run("plot", "sweeps/named.toml", "curves", "--value", "val/acc", "--out", "curves.svg")
    assert drawn.returncode == 0, drawn.stderr
    assert "val/acc" in (named.root / "curves.svg").read_text()
    assert named.run("report", "sweeps/named.toml", "--out", "page.html").returncode == 0
    assert "top-5 acc" in (named.root / "page.html").read_text()


def test_a_job_without_run_returns_its_number(study: Study) -> None:
    """A plain function is a job: it gets its parameters and the seed, and the number it returns is `result`."""
    study.job("named", JOB)
    study.sweep("plain", PLAIN)
    assert study.run("run", "sweeps/plain.toml").returncode == 0
    table = study.run("table", "sweeps/plain.toml", "--rows", "x,weights", "--format", "json")
    assert [(cell["x"], cell["mean"]) for cell in json.loads(table.stdout)] == [(1.0, 5.0), (4.0, 11.0)]


def test_identity_of_fields(study: Study) -> None:
    """A field at its default is no part of an id, and a field that is added with a default changes none."""
    study.job("named", JOB)
    path = study.sweep("named", SWEEP)
    before = json.loads(study.run("plan", str(path), "--json").stdout)["runs"]
    study.job("named", JOB.replace("seed: int = 0", "seed: int = 0\n    momentum: float = 0.25"))
    after = json.loads(study.run("plan", str(path), "--json").stdout)["runs"]
    assert [run["id"] for run in before] == [run["id"] for run in after]
    assert after[0]["params"]["config.momentum"] == 0.25
