"""What figures draw: curves of each setting over seeds, and the arrays of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import NothingSelectedError
from hpcsweep.figures.style import MAX_LINES
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.select import settings_of, with_others_that_vary
from hpcsweep.store.states import FINISHED
from hpcsweep.sweep.choices import EPOCHS

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Band:
    """One setting's curve: `mean`, `low` and `high` (smallest and largest seed) at each `epoch`, all [epochs]."""

    label: str
    epoch: Array
    mean: Array
    low: Array
    high: Array
    seeds: int


def lines_of(
    results: Results, group: Sequence[str] | None, pool: Sequence[str] | None = None
) -> tuple[tuple[str, ...], list[str]]:
    """Return the parameters that tell lines apart and the label of each run.

    They are `group` and all others that vary, but for epochs and those to `pool`: a line's band is over seeds.
    """
    names = with_others_that_vary(results, group or (), (*(pool or ()), *({EPOCHS} & set(results.parameters))))
    return names, [", ".join(map(key_text, setting)) or results.title for setting in settings_of(results, names)]


def bands(
    results: Results, metric: str, group: Sequence[str] | None = None, pool: Sequence[str] | None = None
) -> tuple[str, list[Band]]:
    """Return a title for the legend and one band per setting, from the longest finished run of each seed.

    Epochs that some seed of a setting did not reach are left out, so that no mean jumps because a run ended.
    """
    names, labels = lines_of(results, group, pool)
    rows = longest_runs(results, labels)
    history = results.history()
    if metric not in history or not rows:
        raise NothingSelectedError(f"{results.title}: no finished run has {metric} by epoch")
    wanted = history[history["id"].isin(list(rows)) & np.isfinite(history[metric])]
    by_id = {str(run_id): part for run_id, part in wanted.groupby("id", observed=True, sort=False)}
    grouped: dict[str, list[pd.DataFrame]] = {}
    for run_id, label in rows.items():
        if run_id in by_id:
            grouped.setdefault(label, []).append(by_id[run_id])
    shown = list(grouped.items())[:MAX_LINES]
    return ", ".join(names), [_band(label, parts, metric) for label, parts in shown]


def longest_runs(results: Results, labels: Sequence[str]) -> dict[str, str]:
    """Return {run id: label} of the longest finished run of each trajectory of each label."""
    frame = pd.DataFrame(
        {
            "label": labels,
            "id": results.column("id"),
            "trajectory": results.column("trajectory"),
            "epochs": results.column("reached_epoch"),
            "done": results.in_state(*FINISHED),
        }
    )
    done = frame[frame["done"] & frame["epochs"].notna()]
    longest = done.loc[done.groupby(["label", "trajectory"], sort=False)["epochs"].idxmax()]
    return dict(zip(longest["id"], longest["label"], strict=True))


def _band(label: str, parts: Sequence[pd.DataFrame], metric: str) -> Band:
    columns = [part.set_index("epoch")[metric] for part in parts]
    together = pd.concat(columns, axis=1, join="inner").sort_index()
    values = together.to_numpy()
    epochs = together.index.to_numpy()
    return Band(label, epochs, values.mean(axis=1), values.min(axis=1), values.max(axis=1), len(parts))
