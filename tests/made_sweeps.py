"""Sweeps of any size with believable results, made without training: for the report's tests and benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.results import Results
from hpcsweep.results.columns import from_results
from hpcsweep.results.frames import history_frame, runs_frame
from hpcsweep.results.standing import standing_of
from hpcsweep.store import Result, Store
from hpcsweep.sweep.runs import Run
from tests.made_results import make_result

RATES = (0.0001, 0.001, 0.01, 0.1, 1.0, 3.0)
SHAPES: dict[int, tuple[dict[str, tuple[Any, ...]], int]] = {
    48: ({"layers": (1, 2), "neurons": (8, 16), "optimizer": ("adam", "sgd"), "learning_rate": RATES[1:3]}, 3),
    864: (
        {
            "depth": (1, 2, 4, 8),
            "width": (16, 32, 64),
            "opt": ("adam", "adagrad", "rmsprop", "sgd"),
            "lr": RATES,
        },
        3,
    ),
    5000: (
        {
            "depth": (1, 2, 4, 6, 8),
            "width": (8, 16, 32, 64, 128),
            "opt": ("adam", "adagrad", "rmsprop", "sgd"),
            "lr": RATES[:5],
            "dropout": (0.0, 0.5),
        },
        5,
    ),
}
CLASSES = 10


def made_sweep(runs: int, epochs: int = 40, *, unfinished: int = 0) -> Results:
    """Return the results of so many runs (a key of SHAPES): most done, some diverged, failed, or collapsed.

    The last `unfinished` are new.
    """
    space, seeds = SHAPES[runs]
    rng = np.random.default_rng(0)
    made: list[Result] = []
    others: dict[str, tuple[str, str | None]] = {}
    for number, (*values, seed) in enumerate(product(*space.values(), range(seeds))):
        params = dict(zip(space, values, strict=True))
        made.append(_result(params, seed, epochs, rng))
        if number >= runs - unfinished:
            others[made[-1].id] = "new", None
        elif _fails(params, seed):
            others[made[-1].id] = "failed", "out of memory: the batch did not fit"
    return in_memory(made, others, title=f"made{runs}")


def in_memory(
    made: Sequence[Result], others: Mapping[str, tuple[str, str | None]] | None = None, *, title: str = "made"
) -> Results:
    """Return the results of these runs without a store; `others` are the ids of those that have none: state, cause."""
    others = others or {}
    records = from_results([one for one in made if one.id not in others])
    arrays = {one.id: one.arrays for one in made if one.id not in others}
    runs = [Run(one.id, one.trajectory, one.seed, tuple(one.params), tuple(one.params.values())) for one in made]
    standing = standing_of(Store(Path("nowhere")), "job", runs, records, {}, None, ())
    for at, run in enumerate(runs):
        if run.id in others:
            standing.states[at], standing.causes[at] = others[run.id]
    frame, own, returned = runs_frame(standing, records, {})
    reading: dict[str, Any] = {
        "read_history": lambda: history_frame(records),
        "read_arrays": lambda ids: {run: arrays[run] for run in ids if run in arrays},
        "read_facts": lambda run: {"python": "3.12.3", "keras": "3.9.2"},
        "read_log": lambda trajectory: "Epoch 1\nEpoch 2\nMemoryError: the batch did not fit",
    }
    return Results(
        title, frame, tuple(standing.params), records.metrics, returned, own, words=(f"sweeps/{title}.toml",), **reading
    )


def _fails(params: dict[str, Any], seed: int) -> bool:
    return params.get("depth") == 8 and "sgd" in params.values() and seed == 1


def _result(params: dict[str, Any], seed: int, epochs: int, rng: Any) -> Any:
    depth, width, optimizer, rate = list(params.values())[:4]
    fit = -abs(np.log10(rate) + (2 if optimizer == "adam" else 1)) * 0.05
    top = 0.93 + fit + 0.01 * np.log2(width / 8) - 0.008 * abs(depth - 2) + rng.normal() * 0.006
    diverged, collapsed = rate >= 3.0 and optimizer == "sgd", depth >= 8 and rate >= 0.1 and seed == 0
    top = 0.1 if collapsed else min(top, 0.985)
    pace = np.arange(epochs + 1) * (0.15 + 0.1 * rng.random())
    accuracy = 0.1 + (top - 0.1) * (1 - np.exp(-pace)) + rng.normal(size=epochs + 1) * 0.006
    validation = accuracy - 0.012 * np.arange(epochs + 1) / epochs + rng.normal(size=epochs + 1) * 0.004
    history = {
        "epoch": range(epochs + 1),
        "loss": 2.3 * np.exp(-pace * 0.7) + 0.08,
        "accuracy": np.clip(accuracy, 0, 1),
        "val_loss": 2.3 * np.exp(-pace * 0.6) + 0.12 + 0.002 * np.arange(epochs + 1),
        "val_accuracy": np.clip(validation, 0, 1),
        "seconds": np.full(epochs + 1, 0.4 + 0.02 * depth),
    }
    if diverged:
        history["loss"] = np.where(np.arange(epochs + 1) > 3, np.nan, history["loss"])
    right = round(100 * float(history["val_accuracy"][-1]))
    confusion = np.diag([right] * CLASSES) + np.roll(np.diag([100 - right] * CLASSES), 1, axis=1)
    if collapsed:
        confusion[3, 3] = 0
    return make_result(
        params,
        seed,
        outcome="diverged" if diverged else "done",
        history=history,
        facts={"time_s": 0.4 * epochs + rng.random(), "engine": "compiled", "backend": "tensorflow"},
        arrays={"confusion_matrix": confusion},
    )
