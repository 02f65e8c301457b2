"""A score against a parameter, and all parameters of all runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcsweep.errors import UsageError, nearest
from hpcsweep.figures.merit import best_labels
from hpcsweep.figures.style import LOG_FROM, WIDE, heading, legend, line_style, log_if_wide, new_figure, words
from hpcsweep.results import Results
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.select import axis_column, settings_of, with_others_that_vary
from hpcsweep.results.query.values import default_value, finished, value_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = 8
SIZE = "parameters"  # a column of ours: how many weights a net has


def score(
    results: Results,
    *,
    metrics: Sequence[str] | None = None,
    x: str | None = None,
    group: Sequence[str] | None = None,
    pool: Sequence[str] | None = None,
    **_unused: Any,
) -> Figure:
    """Draw a metric against a numeric parameter: one point per run, and a line through the means of each setting."""
    axis = _axis(results, x)
    shown = value_of(results, (list(metrics or []) or [default_value(results)])[0])
    names = tuple(n for n in with_others_that_vary(results, (axis, *(group or ())), pool or ()) if n != axis)
    labels = [", ".join(map(key_text, setting)) or "mean" for setting in settings_of(results, names)]
    drawn, left_out = best_labels(results, labels, shown.name)
    column = axis_column(results, axis)
    positions = column.to_numpy(dtype=np.float64)
    good = finished(results, shown)
    figure, (axes,) = new_figure(width=7.5, height=4.0)
    for number, label in enumerate(drawn):
        mine = good & np.array([one == label for one in labels])
        places = np.unique(positions[mine])
        means = [shown.numbers[mine & (positions == place)].mean() for place in places]
        style = line_style(number)
        axes.plot(positions[mine], shown.numbers[mine], ".", color=style["color"], alpha=0.5, markersize=5)
        axes.plot(places, means, label=label, linewidth=1.6, markersize=5, **style)
    if np.nanmin(positions) > 0 and np.nanmax(positions) / np.nanmin(positions) >= LOG_FROM:
        axes.set_xscale("log")
    elif column.dtype.kind == "i" and len(set(positions)) <= LABELS:
        axes.set_xticks(sorted(set(positions)))
    suffix = " (log)" if axes.get_xscale() == "log" else ""
    axes.set(xlabel=f"{axis}{suffix}", ylabel=words(shown.name))
    heading(figure, f"{results.title}: points are runs, lines are means", left_out)
    log_if_wide(axes, shown.numbers[good])
    legend(figure, axes, ", ".join(names))
    return figure


def parallel(results: Results, *, metrics: Sequence[str] | None = None, **_unused: Any) -> Figure:
    """Draw each finished run as a line through all varying parameters to its result, coloured by the result."""
    from matplotlib.cm import ScalarMappable

    shown = value_of(results, (list(metrics or []) or [default_value(results)])[0])
    good = finished(results, shown)
    names = results.varying()
    if not names or not good.any():
        raise UsageError(f"{results.title}: parallel coordinates need finished runs and a parameter that varies")
    numbers = shown.numbers[good]
    scale, is_log = _colour_scale(numbers)
    figure, (axes,) = new_figure(width=max(6.0, 1.5 * (len(names) + 1)), height=4.2)
    heights = [_heights(results, name)[good] for name in names]
    _draw_runs(axes, heights, numbers, scale, np.argsort(numbers if shown.better != "min" else -numbers))
    for place, name in enumerate(names):
        _draw_axis(axes, results, place, name)
    axes.axvline(len(names), color="#333333", linewidth=1)
    axes.grid(visible=False)
    axes.set_xticks(range(len(names) + 1), [*names, ""])
    axes.set(
        xlim=(-0.3, len(names)), ylim=(-0.06, 1.06), yticks=[], title=f"{results.title}: one line per finished run"
    )
    axes.spines["left"].set_visible(False)
    label = words(shown.name) + (" (log)" if is_log else "")
    figure.colorbar(ScalarMappable(scale, "viridis"), ax=axes, label=label, pad=0.01)
    return figure


def _colour_scale(numbers: np.ndarray[Any, Any]) -> tuple[Any, bool]:
    """Return the scale of colours and heights for the results, and whether it is logarithmic."""
    from matplotlib.colors import LogNorm, Normalize

    is_log = bool(numbers.min() > 0 and numbers.max() / numbers.min() > WIDE)
    highest = numbers.max() if numbers.max() > numbers.min() else numbers.min() + 1
    return (LogNorm if is_log else Normalize)(numbers.min(), highest), is_log


def _draw_runs(
    axes: Any,
    heights: Sequence[np.ndarray[Any, Any]],
    numbers: np.ndarray[Any, Any],
    scale: Any,
    order: np.ndarray[Any, Any],
) -> None:
    """Draw a line per run through its height on each axis to its result, in `order`, the best on top."""
    from matplotlib.collections import LineCollection

    runs = len(numbers)
    jitter = (np.arange(runs) / max(runs - 1, 1) - 0.5) * 0.03  # so that runs with equal values stay apart
    points = np.column_stack([*(height + jitter for height in heights), scale(numbers)])
    lines = [np.column_stack([np.arange(len(heights) + 1), points[run]]) for run in order]
    axes.add_collection(
        LineCollection(lines, cmap="viridis", norm=scale, array=numbers[order], linewidths=1.1, alpha=0.8)
    )


def _axis(results: Results, name: str | None) -> str:
    numeric = [p for p in results.varying() if results.runs[p].dtype.kind in "if"]
    if name is None and numeric:
        counts = {parameter: len(distinct(results.runs[parameter])) for parameter in numeric}
        return max(numeric, key=counts.__getitem__)
    if name == SIZE and name in results.own and len(distinct(results.column(SIZE).dropna())) > 1:
        return name
    if name not in numeric:
        raise UsageError(
            f'--x: found "{name}"{nearest(name or "", numeric)}; expected a numeric parameter that varies: '
            f"{', '.join(numeric) or 'there is none'}, or {SIZE}, the number of weights, where nets differ in it"
        )
    return name


def _heights(results: Results, name: str) -> Any:
    values = distinct(results.runs[name])
    ranks = {value: rank / max(len(values) - 1, 1) for rank, value in enumerate(values)}
    return np.array([ranks[value] for value in results.runs[name].tolist()])


def _draw_axis(axes: Axes, results: Results, place: int, name: str) -> None:
    values = distinct(results.runs[name])
    axes.axvline(place, color="#333333", linewidth=1)
    step = max(1, len(values) // LABELS)
    for rank, value in enumerate(values):
        if rank % step == 0 or rank == len(values) - 1:
            box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}
            axes.text(
                place, rank / max(len(values) - 1, 1), key_text(value), ha="center", va="center", fontsize=8, bbox=box
            )
