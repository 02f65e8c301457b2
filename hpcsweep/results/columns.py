"""Finished runs as columns: one row per run, with its summary, and their histories one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from hpcsweep.data.catalogue import CATALOGUE
from hpcsweep.data.used import TRAINED_ON
from hpcsweep.files import json_text
from hpcsweep.metrics import STATISTICS
from hpcsweep.results.summaries import Array, summarise
from hpcsweep.results.text import TEXT
from hpcsweep.run_notes import collapsed_classes, notes_of_runs

FACTS = (
    *("time_s", "parameters", "device", "engine", "backend", "commit", "job_sha256", "host", "started", "ended"),
    *("code_sha256", "data_sha256", "libraries", "drew_on_import", "validated_on_test"),
    *("initial_weights_sha256", "final_weights_sha256", "restored"),
)
_COUNTS = ("epoch", "monitored_epoch", "collapsed_classes", "time_s", "parameters")
_NUMBERS = {"seed": "int64", **dict.fromkeys(_COUNTS, "float64")}
IDENTITY = (
    "id",
    "trajectory",
    "job",
    "seed",
    "outcome",
    "epoch",
    "monitored_epoch",
    "collapsed_classes",
    "params",
    "metrics",
    "logged",
    "notes",
)


class FinishedRun(Protocol):
    """What is needed from a result of the store."""

    @property
    def id(self) -> str: ...
    @property
    def trajectory(self) -> str: ...
    @property
    def job(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def outcome(self) -> str: ...
    @property
    def epoch(self) -> int | None: ...
    @property
    def metrics(self) -> dict[str, float]: ...
    @property
    def facts(self) -> dict[str, Any]: ...
    @property
    def history(self) -> dict[str, Array]: ...
    @property
    def arrays(self) -> dict[str, Array]: ...


@dataclass(frozen=True)
class Records:
    """Finished runs.

    `runs` has the columns of IDENTITY (params, metrics and the names of what was logged as JSON texts) and FACTS, then
    the summaries; `lengths` [runs] counts the epochs of each; `history` holds "epoch" (int64) and metrics (float64),
    each [sum of lengths]. Metrics and summaries are those of these runs, of no others.
    """

    runs: pd.DataFrame
    lengths: Array
    history: dict[str, Array]

    def select(self, ids: Sequence[str]) -> Records:
        """Return those records of `ids` that are here, in that order."""
        position = {name: row for row, name in enumerate(self.runs["id"])}
        return self.take([position[name] for name in ids if name in position])

    def take(self, rows: Sequence[int]) -> Records:
        """Return the records in these rows, in that order."""
        index = np.array(rows, dtype=np.int64)
        if len(index) == len(self.runs) and (index == np.arange(len(index))).all():
            return self
        ends = np.cumsum(self.lengths)
        pieces = [np.arange(ends[row] - self.lengths[row], ends[row]) for row in rows]
        keep = np.concatenate(pieces) if pieces else np.array([], dtype=np.int64)
        runs = self.runs.iloc[index].reset_index(drop=True)
        logged = {name for text in runs["logged"].unique() for name in json.loads(text)}
        history = {name: column[keep] for name, column in self.history.items() if name in logged or name == "epoch"}
        others = [name for name in map(str, runs) if _metric_of(name) not in {None, *logged}]
        unmonitored = [name for name in map(str, runs) if name.startswith("best_")] if _unmonitored(runs) else []
        return Records(runs.drop(columns=[*others, *unmonitored]), self.lengths[index], history)


def from_results(results: Iterable[FinishedRun]) -> Records:
    """Return the records of `results`; a metric that a run did not log is NaN in its rows."""
    found = list(results)
    monitored = [result.facts.get("best_epoch") for result in found]
    lengths = np.array([len(result.history.get("epoch", ())) for result in found], dtype=np.int64)
    history = _stack([result.history for result in found], lengths)
    matrices = [result.arrays.get("confusion_matrix") for result in found]
    columns: dict[str, Any] = {
        "id": [result.id for result in found],
        "trajectory": [result.trajectory for result in found],
        "job": [result.job for result in found],
        "seed": [result.seed for result in found],
        "outcome": [result.outcome for result in found],
        "epoch": [_number(result.epoch) for result in found],
        "monitored_epoch": [_number(epoch) for epoch in monitored],
        "collapsed_classes": [_collapsed(matrix) for matrix in matrices],
        "params": [json.dumps(result.params) for result in found],
        "metrics": [json_text(result.metrics) for result in found],
        "notes": notes_of_runs(history, lengths, matrices),
        "logged": [json.dumps([name for name in result.history if name != "epoch"]) for result in found],
    }
    for fact in FACTS:
        columns[fact] = [_text(result.facts.get(fact)) for result in found]
    columns["validated_on_test"] = [_validated_on_test(result.facts.get("data")) for result in found]
    columns["libraries"] = [_minor_versions(result.facts.get("libraries")) for result in found]
    for fact in ("time_s", "parameters"):
        columns[fact] = [_number(result.facts.get(fact)) for result in found]
    texts = {name: TEXT for name in (*IDENTITY, *FACTS) if name not in _NUMBERS}
    runs = pd.DataFrame({**columns, **summarise(history, lengths, monitored)}).astype({**texts, **_NUMBERS})
    return Records(runs, lengths, history)


def join(parts: Sequence[Records]) -> Records:
    """Return the records of all `parts`, one after the other."""
    if len(parts) == 1:
        return parts[0]
    histories = [part.history for part in parts]
    counts = np.array([int(part.lengths.sum()) for part in parts], dtype=np.int64)
    runs = pd.concat([part.runs for part in parts], ignore_index=True) if parts else empty().runs
    lengths = np.concatenate([part.lengths for part in parts]) if parts else empty().lengths
    return Records(runs, lengths, _stack(histories, counts))


def empty() -> Records:
    """Return no records."""
    return from_results([])


def _metric_of(column: str) -> str | None:
    """Return the metric that a column sums up, None if it is no summary."""
    statistic, _, metric = column.partition("_")
    return metric if statistic in STATISTICS and metric else None


def _unmonitored(runs: pd.DataFrame) -> bool:
    return bool(runs["monitored_epoch"].isna().all())


def _stack(histories: Sequence[Mapping[str, Array]], lengths: Array) -> dict[str, Array]:
    names = dict.fromkeys(name for history in histories for name in history)
    names.setdefault("epoch")
    stacked: dict[str, Array] = {}
    for name in sorted(names, key=lambda name: name != "epoch"):
        fill, kind = (0, np.int64) if name == "epoch" else (np.nan, np.float64)
        columns = [
            np.asarray(history[name]) if name in history else np.full(int(length), fill, dtype=kind)
            for history, length in zip(histories, lengths, strict=True)
        ]
        stacked[name] = np.concatenate(columns).astype(kind, copy=False) if columns else np.array([], dtype=kind)
    return stacked


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _validated_on_test(data: Any) -> str | None:
    """Return the data set whose published test part a run validated on, None if there is none that we know of."""
    if not isinstance(data, Mapping):
        return None
    used = {TRAINED_ON: data[TRAINED_ON]} if TRAINED_ON in data else data
    if not any(entry.get("validates_on_test") for entry in used.values()):
        return None
    return next((name for name in data if name in CATALOGUE), "the data")


def _minor_versions(versions: Any) -> str | None:
    """Return versions as `python 3.11, numpy 2.4`: the numbers of a patch change no results."""
    if not isinstance(versions, Mapping):
        return None
    return ", ".join(f"{name} {'.'.join(str(version).split('.')[:2])}" for name, version in sorted(versions.items()))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _collapsed(confusion: Array | None) -> float:
    return float("nan") if confusion is None else float(len(collapsed_classes(confusion)))
