"""Finished runs as columns: one row per run, with its summary, and their histories one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
import pandas as pd

from hpcsweep.data.catalogue import CATALOGUE
from hpcsweep.data.used import TRAINED_ON
from hpcsweep.metrics import STATISTICS
from hpcsweep.results.summaries import EPOCH_OF_MAX, EPOCH_OF_MIN, Array, best_epochs_of_each, summarise
from hpcsweep.results.text import TEXT
from hpcsweep.run_notes import collapsed_classes, notes_of_runs

FACTS = (
    *("time_s", "parameters", "device", "engine", "backend", "commit", "job_sha256", "host", "started", "ended"),
    *("code_sha256", "data_sha256", "libraries", "drew_on_import", "validated_on_test"),
    *("initial_weights_sha256", "final_weights_sha256", "restored"),
)
_COUNTS = ("epoch", "monitored_epoch", "collapsed_classes", "time_s", "parameters")
_NUMBERS = {**dict.fromkeys(("seed", "length"), "int64"), **dict.fromkeys(_COUNTS, "float64")}
IDENTITY = (
    *("id", "trajectory", "job", "seed", "outcome", "length", "epoch", "monitored_epoch", "collapsed_classes"),
    *("params", "logged", "returned", "notes"),
)
RETURNED = "returned/"  # before the name of a metric in the column of what the jobs returned
History = dict[str, Array]


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

    `runs` has the columns of IDENTITY (params and the names of what was logged and returned as JSON texts; `length`
    counts the epochs) and FACTS, then the summaries, the best epochs by each metric, and what the jobs returned.
    `history` is read when it is asked for. Metrics and summaries are those of these runs, of no others.
    """

    runs: pd.DataFrame
    read_history: Callable[[], History]

    @cached_property
    def history(self) -> History:
        """The histories, one after the other: "epoch" (int64) and metrics (float64), each [sum of `length`]."""
        return self.read_history()

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the runs logged by epoch."""
        return self._named(EPOCH_OF_MAX)

    @property
    def returned(self) -> tuple[str, ...]:
        """What the jobs returned."""
        return self._named(RETURNED)

    def take(self, rows: Sequence[int]) -> Records:
        """Return the records in these rows, in that order."""
        index = np.array(rows, dtype=np.int64)
        if len(index) == len(self.runs) and (index == np.arange(len(index))).all():
            return self
        runs = self.runs.iloc[index].reset_index(drop=True)
        kept = Records(runs[_own_columns(runs)], lambda: self._history_of(index, kept.metrics))
        return kept

    def _history_of(self, rows: Array, metrics: Sequence[str]) -> History:
        lengths = self.runs["length"].to_numpy()
        starts, counts = (np.cumsum(lengths) - lengths)[rows], lengths[rows]
        keep = np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
        return {name: column[keep] for name, column in self.history.items() if name == "epoch" or name in metrics}

    def _named(self, beginning: str) -> tuple[str, ...]:
        return tuple(name[len(beginning) :] for name in map(str, self.runs) if name.startswith(beginning))


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
        "length": lengths,
        "epoch": [_number(result.epoch) for result in found],
        "monitored_epoch": [_number(epoch) for epoch in monitored],
        "collapsed_classes": [_collapsed(matrix) for matrix in matrices],
        "params": [json.dumps(result.params) for result in found],
        "notes": notes_of_runs(history, lengths, matrices),
        "logged": [_names(tuple(name for name in result.history if name != "epoch")) for result in found],
        "returned": [_names(tuple(result.metrics)) for result in found],
    }
    readers = {"libraries": _minor_versions, "time_s": _number, "parameters": _number}
    for fact in FACTS:
        read = readers.get(fact, _text)
        columns[fact] = [read(result.facts.get(fact)) for result in found]
    columns["validated_on_test"] = [_validated_on_test(result.facts.get("data")) for result in found]
    columns |= {**summarise(history, lengths, monitored), **best_epochs_of_each(history, lengths)}
    for name in dict.fromkeys(name for result in found for name in result.metrics):
        columns[f"{RETURNED}{name}"] = np.array([result.metrics.get(name, np.nan) for result in found], dtype=float)
    texts = {name: TEXT for name in (*IDENTITY, *FACTS) if name not in _NUMBERS}
    return Records(pd.DataFrame(columns).astype({**texts, **_NUMBERS}), lambda: history)


def join(parts: Sequence[Records]) -> Records:
    """Return the records of all `parts`, one after the other."""
    if not parts:
        return empty()
    if len(parts) == 1:
        return parts[0]
    runs = pd.concat([part.runs for part in parts], ignore_index=True)
    counts = np.array([int(part.runs["length"].sum()) for part in parts], dtype=np.int64)
    return Records(runs, lambda: _stack([part.history for part in parts], counts))


def empty() -> Records:
    """Return no records."""
    return from_results([])


def _own_columns(runs: pd.DataFrame) -> list[str]:
    """Return the columns without those of metrics that none of `runs` has."""
    logged = {name for text in runs["logged"].unique() for name in json.loads(text)}
    returned = {name for text in runs["returned"].unique() for name in json.loads(text)}
    unmonitored = runs["monitored_epoch"].isna().all()

    def is_own(column: str) -> bool:
        for beginning, names in ((RETURNED, returned), (EPOCH_OF_MAX, logged), (EPOCH_OF_MIN, logged)):
            if column.startswith(beginning):
                return column[len(beginning) :] in names
        statistic, _, metric = column.partition("_")
        return statistic not in STATISTICS or (metric in logged and not (statistic == "best" and unmonitored))

    return list(filter(is_own, map(str, runs)))


def _stack(histories: Sequence[Mapping[str, Array]], lengths: Array) -> History:
    names = dict.fromkeys(name for history in histories for name in history)
    names.setdefault("epoch")
    stacked: History = {}
    for name in sorted(names, key=lambda name: name != "epoch"):
        fill, kind = (0, np.int64) if name == "epoch" else (np.nan, np.float64)
        columns = [
            np.asarray(history[name]) if name in history else np.full(int(length), fill, dtype=kind)
            for history, length in zip(histories, lengths, strict=True)
        ]
        stacked[name] = np.concatenate(columns).astype(kind, copy=False) if columns else np.array([], dtype=kind)
    return stacked


@lru_cache
def _names(names: tuple[str, ...]) -> str:
    return json.dumps(names)


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
