"""What figures draw: curves of each setting over seeds, and the arrays of runs."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import NothingSelectedError
from hpcsweep.figures.merit import MOST_SETTINGS, best_labels
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


@dataclass(frozen=True)
class Lines:
    """The runs that make the lines of a figure: `runs` is {run id: label}, the best setting first if any are left out.

    `title` names the parameters that tell them apart, and `left_out` says which are shown ("" if all are).
    """

    title: str
    runs: dict[str, str]
    left_out: str

    def labels(self) -> list[str]:
        """Return each label once, in order."""
        return list(dict.fromkeys(self.runs.values()))


def lines_of(
    results: Results,
    group: Sequence[str] | None,
    pool: Sequence[str] | None = None,
    *,
    value: str | None = None,
    among: Container[str] | None = None,
    most: int | None = MOST_SETTINGS,
) -> Lines:
    """Return the lines of a figure, from the longest finished run of each trajectory, of the runs `among` (ids).

    They are told apart by `group` and all other parameters that vary, but for epochs and those to `pool`: a line's band
    is over seeds. More than `most` are cut by merit in `value`; None draws all.
    """
    names = with_others_that_vary(results, group or (), (*(pool or ()), *({EPOCHS} & set(results.parameters))))
    labels = [", ".join(map(key_text, setting)) or results.title for setting in settings_of(results, names)]
    longest = {run: label for run, label in _longest_runs(results, labels).items() if among is None or run in among}
    shown, left_out = best_labels(results, [longest.get(run) for run in results.column("id")], value, most)
    by_label: dict[str, list[str]] = {label: [] for label in shown}
    for run, label in longest.items():
        if label in by_label:
            by_label[label].append(run)
    return Lines(", ".join(names), {run: label for label, runs in by_label.items() for run in runs}, left_out)


def bands(results: Results, metric: str, lines: Lines) -> list[Band]:
    """Return one band per line.

    Epochs that some seed of a setting did not reach are left out, so that no mean jumps because a run ended.
    """
    history = results.history()
    if metric not in history or not lines.runs:
        raise NothingSelectedError(f"{results.title}: no finished run has {metric} by epoch")
    wanted = history[history["id"].isin(list(lines.runs)) & np.isfinite(history[metric])]
    by_id = {str(run_id): part for run_id, part in wanted.groupby("id", observed=True, sort=False)}
    grouped: dict[str, list[pd.DataFrame]] = {}
    for run_id, label in lines.runs.items():
        if run_id in by_id:
            grouped.setdefault(label, []).append(by_id[run_id])
    return [_band(label, parts, metric) for label, parts in grouped.items()]


def _longest_runs(results: Results, labels: Sequence[str]) -> dict[str, str]:
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
