"""Stores with results in them, made through the store itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpcsweep.files import canonical_json, sha256_hex
from hpcsweep.results import Results
from hpcsweep.results.frames import parameter_column
from hpcsweep.store import Result, Store
from hpcsweep.store.results import publish_result
from hpcsweep.sweep.load import load_sweep

JOB = "jobs/toy.py:train"
TOY_JOB = "def train(run, *, layers: int, optimizer: str = 'adam', epochs: int = 5):\n    pass\n"
TOY_SWEEP = """
name = "toy"
job = "jobs/toy.py:train"
repeats = 3
[grid]
layers = [2, 3]
optimizer = ["adam", "adagrad"]
"""
MakeResult = Callable[..., Result]
MakeStore = Callable[[Sequence[Result]], Store]


def make_result(
    params: dict[str, Any],
    seed: int = 0,
    *,
    outcome: str = "done",
    history: dict[str, Any] | None = None,
    metrics: dict[str, float] | None = None,
    facts: dict[str, Any] | None = None,
    arrays: dict[str, Any] | None = None,
) -> Result:
    """Return a result of a made-up job; the history defaults to three epochs and the fresh model."""
    columns = {"epoch": [0, 1, 2, 3], "loss": [2.0, 1.0, 0.5, 0.4]} if history is None else history
    stacked = {k: np.asarray(v, dtype=np.int64 if k == "epoch" else np.float64) for k, v in columns.items()}
    meaning = canonical_json({"job": JOB, "params": params, "seed": seed})
    return Result(
        id=sha256_hex(meaning.encode()),
        trajectory=sha256_hex(meaning.encode() + b"t"),
        job=JOB,
        seed=seed,
        params=params,
        outcome=outcome,
        epoch=int(stacked["epoch"][-1]) if "epoch" in stacked else None,
        metrics=metrics or {},
        facts={"time_s": 1.5, "device": "cpu", "commit": "abc", "job_sha256": "1" * 64, **(facts or {})},
        history=stacked,
        arrays={name: np.asarray(array) for name, array in (arrays or {}).items()},
    )


def fill_store(root: Path, results: Sequence[Result]) -> Store:
    """Return a new store at `root` that holds `results`."""
    store = Store(root)
    store.create()
    for result in results:
        folder = store.folder(result.trajectory)
        folder.path.mkdir(parents=True, exist_ok=True)
        publish_result(folder, result, 1)
    return store


@pytest.fixture
def make_store(tmp_path: Path) -> MakeStore:
    """A function that makes a store of results."""
    return lambda results: fill_store(tmp_path / "results", results)


def results_of(runs: Sequence[dict[str, Any]], parameters: Sequence[str]) -> Results:
    """Return results of runs given as their columns (id, state, seed and trajectory are filled in), without a store."""
    filled = [
        {"id": f"{n:064x}", "state": "done", "seed": n, "engine": None, "job_sha256": None, "time_s": 1.0, **run}
        for n, run in enumerate(runs)
    ]
    own = [name for name in filled[0] if name not in parameters]
    columns = {name: [run[name] for run in filled] for name in filled[0]}
    frame = pd.DataFrame(
        {name: parameter_column(column) if name in parameters else column for name, column in columns.items()}
    )
    return Results("made up", frame, tuple(parameters), own={name: name for name in own})


@dataclass(frozen=True)
class Study:
    """A small study on disk: its sweep file, and a store with results of most of its runs."""

    sweep: Path
    store: Store
    results: list[Result]


def make_study(root: Path, *, job_text: str = TOY_JOB, sweep_text: str = TOY_SWEEP, missing: int = 2) -> Study:
    """Return a study of two optimizers by two depths by three seeds whose last `missing` runs are new."""
    (root / "jobs").mkdir(parents=True)
    (root / "sweeps").mkdir()
    (root / "jobs" / "toy.py").write_text(job_text)
    (root / "sweeps" / "toy.toml").write_text(sweep_text)
    sweep = load_sweep(root / "sweeps" / "toy.toml")
    rng = np.random.default_rng(0)
    made = []
    for run in sweep.runs[: len(sweep.runs) - missing]:
        accuracy = np.linspace(0.1, 0.9, 6) + rng.normal(size=6) * 0.02
        history = {"epoch": range(6), "loss": np.linspace(2.3, 0.3, 6), "val_accuracy": accuracy, "seconds": [0.5] * 6}
        confusion = [[5, 0], [5, 0]] if run.seed == 0 else [[5, 0], [1, 4]]
        one = make_result(dict(run.params), run.seed, history=history, arrays={"confusion_matrix": confusion})
        made.append(replace(one, id=run.id, trajectory=run.trajectory))
    return Study(root / "sweeps" / "toy.toml", fill_store(root / "results", made), made)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of twelve runs, ten of them done."""
    return make_study(tmp_path / "a study with 'quotes'")
