"""How good each setting was along an axis, one curve per seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcsweep.errors import NothingSelectedError, UsageError, nearest
from hpcsweep.metrics import HEADLINES, SECONDS, training_twin
from hpcsweep.results import Results, ResultsSource
from hpcsweep.results.query.select import results_of, settings_of
from hpcsweep.results.query.values import anything_finished, default_value, direction_of, value_of
from hpcsweep.results.summaries import Array
from hpcsweep.statistics.paired import LARGEST
from hpcsweep.store.opening import StoreSource
from hpcsweep.store.states import COUNTED
from hpcsweep.sweep.choices import EPOCHS

Setting = tuple[Any, ...]


@dataclass(frozen=True)
class Curve:
    """One setting and seed: positions on the axis, the value at each, and the hours spent up to each.

    `x`, `value`, `hours` are float64 [points]. `fitted` is the same metric on the data trained on; None if unknown.
    Values beyond 1e100 count as that, so that their squares are numbers.
    """

    setting: Setting
    seed: int
    x: Array
    value: Array
    hours: Array
    fitted: Array | None = None


@dataclass(frozen=True)
class Curves:
    """All curves of a sweep along one axis. `names` are the parameters of a setting; `larger`: larger is better."""

    axis: str
    metric: str
    larger: bool
    names: tuple[str, ...]
    curves: tuple[Curve, ...]

    def by_setting(self) -> dict[Setting, list[Curve]]:
        """Return the curves of each setting, one per seed, in the order of the sweep."""
        grouped: dict[Setting, list[Curve]] = {}
        for curve in self.curves:
            grouped.setdefault(curve.setting, []).append(curve)
        return grouped


def curves_of(source: ResultsSource, metric: str | None, axis: str, where: str | None, store: StoreSource) -> Curves:
    """Return the curves along the epochs (from the histories) or along another numeric parameter (from the runs).

    Raises UsageError for an axis that is not a number or a metric whose better direction is unknown,
    NothingSelectedError if no finished run has what is needed.
    """
    results = results_of(source, where=where, store=store)
    if not anything_finished(results):
        raise NothingSelectedError(f"{results.title}: no run is finished yet; type: {results.to_type('run')}")
    if axis == EPOCHS:
        made = _along_epochs(results, _logged_metric(results, metric))
    else:
        made = _along_parameter(results, metric or default_value(results), axis)
    if not made.curves:
        raise NothingSelectedError(f"{results.title}: no finished run has {made.metric} along {axis}")
    return made


def _logged_metric(results: Results, metric: str | None) -> str:
    chosen = metric or next((name for name in HEADLINES if name in results.metrics), None)
    if chosen is None or chosen not in results.metrics:
        raise UsageError(
            f'no metric is called "{metric}"{nearest(metric or "", results.metrics)}; logged by epoch are: '
            f"{', '.join(results.metrics) or 'none'}"
        )
    return chosen


def _larger_is_better(results: Results, name: str) -> bool:
    return direction_of(results, name) == "max"


def _along_epochs(results: Results, metric: str) -> Curves:
    names = tuple(name for name in results.varying() if name != EPOCHS)
    larger = _larger_is_better(results, metric)
    history = results.history()
    twin = training_twin(metric)
    longest = _longest_runs(results, names)
    by_id = {run_id: rows for run_id, rows in history.groupby("id", observed=True, sort=False) if run_id in longest}
    curves = []
    for run_id, (setting, seed) in longest.items():
        rows = by_id.get(run_id)
        known = None if rows is None else np.isfinite(rows[metric].to_numpy())
        if rows is not None and known is not None and known.any():
            seconds = rows[SECONDS].fillna(0).to_numpy() if SECONDS in rows else np.full(len(rows), np.nan)
            hours = seconds.cumsum() / 3600
            x, value = rows["epoch"].to_numpy(dtype=np.float64), _squarable(rows[metric])
            fitted = _squarable(rows[twin])[known] if twin in results.metrics else None
            curves.append(Curve(setting, seed, x[known], value[known], hours[known], fitted))
    return Curves(EPOCHS, metric, larger, names, tuple(curves))


def _longest_runs(results: Results, names: tuple[str, ...]) -> dict[str, tuple[Setting, int]]:
    """Return, for each setting and seed, the finished run with the most epochs, of which shorter ones are a part."""
    settings = settings_of(results, names)
    reached = results.column("reached_epoch").fillna(-1).tolist()
    best: dict[tuple[Setting, int], tuple[float, str]] = {}
    own = (results.column(name).tolist() for name in ("id", "seed", "state"))
    for setting, epochs, run_id, seed, state in zip(settings, reached, *own, strict=True):
        if state in COUNTED and epochs > best.get((setting, seed), (-1.0, ""))[0]:
            best[(setting, seed)] = (epochs, run_id)
    return {run_id: place for place, (_, run_id) in best.items()}


def _along_parameter(results: Results, value: str, axis: str) -> Curves:
    if axis not in results.parameters or results.runs[axis].dtype.kind not in "if":
        numeric = [name for name in results.varying() if results.runs[name].dtype.kind in "if"]
        hint = nearest(axis, numeric)
        raise UsageError(f'--axis: "{axis}" is not a numeric parameter{hint}; expected {EPOCHS} or one of {numeric}')
    names = tuple(name for name in results.varying() if name != axis)
    shown = value_of(results, value)
    larger = _larger_is_better(results, shown.name)
    settings = settings_of(results, names)
    own = (results.column(name).tolist() for name in ("seed", "state", "time_s"))
    points: dict[tuple[Setting, int], list[tuple[float, float, float]]] = {}
    for setting, x, y, seed, state, time_s in zip(
        settings, results.runs[axis].tolist(), shown.numbers, *own, strict=True
    ):
        if state in COUNTED and np.isfinite(y):
            points.setdefault((setting, seed), []).append((float(x), float(y), time_s / 3600))
    curves = []
    for (setting, seed), found in points.items():
        x, y, hours = np.array(sorted(found)).T
        curves.append(Curve(setting, seed, x, _squarable(y), hours))
    return Curves(axis, shown.name, larger, names, tuple(curves))


def _squarable(numbers: Any) -> Array:
    return np.clip(np.asarray(numbers, dtype=np.float64), -LARGEST, LARGEST)
