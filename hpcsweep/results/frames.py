"""The two tidy frames: one row per run, and one row per epoch.

A parameter keeps its name. A column of ours that a parameter's name would hide is called `run_<name>` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hpcsweep.errors import to_type
from hpcsweep.files import canonical_json
from hpcsweep.metrics import STATISTICS, Direction, better
from hpcsweep.results.columns import FACTS, RETURNED, Records
from hpcsweep.results.standing import Standing
from hpcsweep.results.summaries import best_epochs
from hpcsweep.results.text import TEXT
from hpcsweep.run_notes import joined, joined_after
from hpcsweep.store.states import RunState

OWN_FIRST = ("id", "state", "seed")
OWN_LAST = ("reached_epoch", "best_epoch", "notes", "tags", "collapsed_classes", *FACTS, "cause", "trajectory", "job")


@dataclass(frozen=True)
class Results:
    """The runs of a sweep or a store, and what their columns mean.

    `runs` has one row per run, `history()` one row per epoch. `parameters` are the job's parameters in their order,
    `metrics` what was logged by epoch, `returned` the columns of what the jobs returned. `own[name]` is the column that
    holds our `name` ("state", "time_s", "last_loss"). `directions` is what [metrics] of the sweep file says, or for a
    store what all its sweeps say, with None if they contradict each other. `layout` and `expected` are the file's.
    `words` name the sweep on the command line; `file` is its file, and `store` the store's folder. `rungs` says what
    the file's [halving] or [suggest] has done, in lines; `halving` is that section with `metric` and `epochs`.
    """

    title: str
    runs: pd.DataFrame
    parameters: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    layout: Any = None
    expected: Sequence[Any] = ()
    directions: Mapping[str, Direction | None] = field(default_factory=dict)
    words: tuple[object, ...] = ("SWEEP",)
    file: Path | None = None
    store: Path | None = None
    rungs: Sequence[str] = ()
    halving: Any = None
    read_history: Callable[[], pd.DataFrame] = pd.DataFrame
    read_facts: Callable[[str], dict[str, Any]] = lambda run_id: {}
    read_arrays: Callable[[Sequence[str]], dict[str, dict[str, Any]]] = lambda run_ids: {}
    read_log: Callable[[str], str] = lambda trajectory_id: ""

    def better(self, name: str) -> Direction | None:
        """Return whether more or less of a metric or a summary, such as `max_val_auc`, is better; None if unknown."""
        return better(name, self.directions)

    def to_type(self, verb: str, *options: object) -> str:
        """Return the command that does something to the sweep."""
        return to_type(verb, *self.words, *options)

    def column(self, name: str) -> pd.Series[Any]:
        """Return our column `name`, even if a parameter of that name has made us call it otherwise."""
        return self.runs[self.own.get(name, name)]

    def in_state(self, *states: RunState) -> NDArray[np.bool_]:
        """Return which runs are in one of `states`, bool [runs]."""
        return self.column("state").isin(states).to_numpy()

    def history(self) -> pd.DataFrame:
        """Return one row per epoch of each run that has a history: id, epoch from 0, the metrics, seconds."""
        return self.read_history()

    def facts(self, run_id: str) -> dict[str, Any]:
        """Return every recorded fact of a finished run by name, such as `engine`, `python`, `attempts`."""
        return self.read_facts(run_id)

    def arrays(self, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return {run id: {name: array}} of finished runs, such as `confusion_matrix` [true class, predicted class]."""
        return self.read_arrays(run_ids)

    def varying(self) -> tuple[str, ...]:
        """Return the parameters that have more than one value."""
        return tuple(name for name in self.parameters if len(distinct(self.runs[name])) > 1)


def runs_frame(
    standing: Standing, records: Records, directions: Mapping[str, Direction | None]
) -> tuple[pd.DataFrame, dict[str, str], tuple[str, ...]]:
    """Return the frame of runs, our names with their columns, and the columns of returned values."""
    rows = standing.records
    summaries = [name for name in map(str, records.runs) if name.split("_", 1)[0] in STATISTICS and "_" in name]
    ours: dict[str, Any] = {
        "id": pd.Series(standing.ids, dtype=TEXT),
        "state": pd.Series(standing.states, dtype=TEXT),
        "seed": pd.Series(standing.seeds, dtype="int64"),
    }
    for name in summaries:
        ours[name] = _taken(records.runs[name], rows)
    renamed: dict[str, str] = {}
    for name in records.returned:
        wanted = f"final_{name}" if name in {*records.metrics, *ours, *OWN_LAST} else name
        renamed[name] = free_name(wanted, [*renamed.values(), *ours, *OWN_LAST])
    ours |= {renamed[name]: _taken(records.runs[f"{RETURNED}{name}"], rows) for name in records.returned}
    ours |= _own_last(standing, records)
    by_headline = pd.Series(best_epochs(records.runs, directions))
    ours["best_epoch"] = _taken(records.runs["monitored_epoch"].fillna(by_headline), rows)
    own = {name: free_name(name, tuple(standing.params)) for name in ours}
    columns = {own[name]: ours[name] for name in OWN_FIRST}
    columns |= {name: parameter_column(values) for name, values in standing.params.items()}
    columns |= {own[name]: column for name, column in ours.items() if name not in OWN_FIRST}
    return pd.DataFrame(columns), own, tuple(own[name] for name in renamed.values())


def history_frame(records: Records) -> pd.DataFrame:
    """Return one row per epoch: `id` (categorical, to save memory), `epoch`, the metrics as they were logged."""
    lengths = records.runs["length"].to_numpy()
    logged = lengths > 0
    codes = np.repeat(np.arange(logged.sum(), dtype=np.int32), lengths[logged])
    ids = pd.Categorical.from_codes(codes, categories=pd.Index(records.runs["id"][logged].tolist(), dtype=TEXT))
    columns = {("metric_id" if name == "id" else name): column for name, column in records.history.items()}
    return pd.DataFrame({"id": ids, **columns}, copy=False)


def free_name(name: str, taken: Sequence[str]) -> str:
    """Return `name`, with `run_` in front as often as needed to differ from all of `taken`."""
    while name in taken:
        name = f"run_{name}"
    return name


def parameter_column(values: list[Any]) -> pd.Series[Any]:
    """Return a column of one type if the values share one, else of objects; lists become tuples, tables texts."""
    kinds = {type(value) for value in values}
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return pd.Series(values, dtype="int64")
    for kind, dtype in ((bool, "bool"), (float, "float64"), (str, TEXT)):
        if kinds == {kind}:
            return pd.Series(values, dtype=dtype)
    if kinds == {int, float}:
        return pd.Series(values, dtype="float64")
    column = np.empty(len(values), dtype=object)
    column[:] = [as_key(value) for value in values]
    return pd.Series(column, dtype=object)


def distinct(column: pd.Series[Any]) -> list[Any]:
    """Return the values of a parameter: numbers in increasing order, others as they first appear; None is a value."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [value for value in column.cat.categories if (column == value).any()]
    values = list(dict.fromkeys(column.tolist()))
    if all(isinstance(value, int | float) for value in values):
        return sorted(values)
    return values


def as_key(value: Any) -> Any:
    """Return a parameter's value with its lists as tuples and its tables as JSON texts, to be a key."""
    if isinstance(value, dict):
        return canonical_json(value)
    return tuple(as_key(item) for item in value) if isinstance(value, list | tuple) else value


def _own_last(standing: Standing, records: Records) -> dict[str, pd.Series[Any]]:
    rows = standing.records
    reached = pd.Series(standing.reached_epochs, dtype="float64")
    columns = {"reached_epoch": _taken(records.runs["epoch"], rows).fillna(reached)}
    columns |= {name: _taken(records.runs[name], rows) for name in ("notes", "collapsed_classes", *FACTS)}
    said = standing.remarks
    columns["notes"] = pd.Series(list(map(joined_after, columns["notes"].tolist(), said["note"])), dtype=TEXT)
    columns["tags"] = pd.Series(list(map(joined, said["tag"])), dtype=TEXT)
    told = {"cause": standing.causes, "trajectory": standing.trajectories, "job": standing.jobs}
    return columns | {name: pd.Series(texts, dtype=TEXT) for name, texts in told.items()}


def _taken(column: pd.Series[Any], rows: Any) -> pd.Series[Any]:
    return column.reset_index(drop=True).reindex(rows).reset_index(drop=True)
