"""What a report shows, as plain values that are safe to put into JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hpcsweep.errors import HpcsweepError
from hpcsweep.figures.data import Band, bands, lines_of
from hpcsweep.figures.style import MAX_LINES
from hpcsweep.files import plain
from hpcsweep.metrics import metrics_among
from hpcsweep.report.thinning import POINTS, round_to, thin
from hpcsweep.results import Results
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.values import default_value, finished, value_of
from hpcsweep.store.states import COUNTED, RunState
from hpcsweep.sweep.runs import short_id

MAX_METRICS = 6


def run_columns(results: Results) -> list[str]:
    """Return the columns of the runs' table: what varies first, then what came out, then where."""
    summaries = [f"{how}_{name}" for name in shown_metrics(results) for how in ("last", *_best_of(results, name))]
    own = [results.own[name] for name in ("id", "state", "seed")]
    after = [results.own[name] for name in summaries if name in results.own]
    facts = ("reached_epoch", "best_epoch", "collapsed_classes", "mean_seconds", "time_s", "device", "engine", "commit")
    tail = [results.own[name] for name in facts if name in results.own and results.column(name).notna().any()]
    return [*own, *results.varying(), *after, *results.returned[:MAX_METRICS], *tail]


def _best_of(results: Results, metric: str) -> tuple[str, ...]:
    way = results.better(metric)
    return ("min", "max") if way is None else (way,)


def run_rows(results: Results) -> list[list[Any]]:
    """Return one list per run, in the order of `run_columns`: numbers, texts, or None for what is missing."""
    columns = [
        [_cell(value, name in results.parameters) for value in results.runs[name].tolist()]
        for name in run_columns(results)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def shown_metrics(results: Results) -> list[str]:
    """Return the metrics that the charts offer, validation first."""
    return sorted(
        metrics_among(results.metrics), key=lambda name: (not name.startswith("val_"), "accuracy" not in name)
    )[:MAX_METRICS]


def curve_data(results: Results) -> dict[str, Any]:
    """Return the curves: for each metric the bands of the settings, and for each run its own points.

    Long curves are thinned to real epochs that keep each stretch's smallest and largest value.
    """
    history = results.history()
    metrics = shown_metrics(results)
    count = max(1, history["id"].nunique() * len(metrics)) if len(history) else 1
    points = max(40, min(POINTS, 200_000 // count))
    runs: dict[str, dict[str, Any]] = {}
    for run_id, rows in history.groupby("id", observed=True, sort=False) if len(history) else []:
        epochs = rows["epoch"].to_numpy()
        runs[str(run_id)] = {name: thin(epochs, rows[name].to_numpy(), points) for name in metrics}
    longest = int(history["epoch"].max()) + 1 if len(history) else 0
    names, settings = lines_of(results, None)
    return {
        "metrics": metrics,
        "names": ", ".join(names),
        "dropped": max(0, len(set(settings)) - MAX_LINES),
        "bands": {name: [_band(band) for band in _bands(results, name)] for name in metrics},
        "runs": runs,
        "thinned": [points, longest] if longest > points else None,
    }


def parallel_data(results: Results) -> dict[str, Any] | None:
    """Return the axes of the parallel coordinates: all varying parameters, then the result; None without runs."""
    if not results.varying():
        return None
    try:
        shown = value_of(results, default_value(results))
    except HpcsweepError:
        return None
    good = finished(results, shown)
    if not good.any():
        return None
    axes = [_axis(results, name, good) for name in results.varying()]
    axes.append({"label": shown.name, "values": [round_to(number) for number in shown.numbers[good]]})
    return {"axes": axes, "runs": results.column("id")[good].tolist(), "reverse": shown.better == "min"}


def labels(results: Results) -> dict[str, str]:
    """Return what the charts call each run: its setting and seed."""
    _, settings = lines_of(results, results.varying())
    seeds = results.column("seed")
    return {i: f"{label}, seed {s}" for i, label, s in zip(results.column("id"), settings, seeds, strict=True)}


def failures(results: Results) -> list[tuple[str, str, list[str]]]:
    """Return (state, cause, short ids) of the runs without a result, the largest group first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for state, cause, run_id in zip(*(results.column(name) for name in ("state", "cause", "id")), strict=True):
        if state in (RunState.FAILED, RunState.CORRUPT, RunState.NEWER, RunState.DIVERGED):
            said = cause if isinstance(cause, str) else "the loss became infinite or undefined"
            groups.setdefault((state, said), []).append(short_id(run_id))
    return sorted(((state, cause, ids) for (state, cause), ids in groups.items()), key=lambda group: -len(group[2]))


def provenance(results: Results) -> Iterator[tuple[str, str]]:
    """Yield (name, values) of what is needed to repeat the sweep: versions, devices, code."""
    for name in ("job", "commit", "job_sha256", "engine", "backend", "device", "host"):
        found = [value for value in distinct(results.column(name)) if isinstance(value, str) and value]
        if found:
            yield name, ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    done = results.column("id")[results.in_state(*COUNTED)].tolist()
    facts = results.facts(done[0]) if done else {}
    for name, value in facts.items():
        if name not in results.own and not name.endswith("sha256") and isinstance(value, str | int | float):
            yield name, str(value)
    seconds = results.column("time_s")
    if seconds.notna().any():
        yield "time of all runs", f"{seconds.sum() / 3600:.3g} hours"


def _bands(results: Results, metric: str) -> list[Band]:
    try:
        return bands(results, metric)[1]
    except HpcsweepError:
        return []


def _band(band: Band) -> dict[str, Any]:
    keep = np.unique(np.linspace(0, len(band.epoch) - 1, min(len(band.epoch), POINTS)).astype(int))
    columns = {name: [round_to(v) for v in getattr(band, name)[keep]] for name in ("mean", "low", "high")}
    return {"label": band.label, "seeds": band.seeds, "epoch": band.epoch[keep].tolist(), **columns}


def _axis(results: Results, name: str, good: Any) -> dict[str, Any]:
    values = distinct(results.runs[name])
    column = [value for value, keep in zip(results.runs[name].tolist(), good, strict=True) if keep]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return {"label": name, "values": column, "ticks": values if len(values) <= 10 else None}
    ranks = {value: rank for rank, value in enumerate(values)}
    texts = [key_text(value) for value in values]
    return {"label": name, "values": [ranks[value] for value in column], "texts": texts}


def _cell(value: Any, is_parameter: bool) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return key_text(value) if is_parameter or not isinstance(value, str) else value
    if isinstance(value, float) and math.isinf(value):
        return plain(value)
    return int(value) if value == int(value) and abs(value) < 2**53 else float(f"{value:.6g}")
