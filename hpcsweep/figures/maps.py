"""Heat maps, confusion matrices and per-class accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.figures.data import lines_of, longest_runs
from hpcsweep.figures.style import line_style, new_figure, words
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_text, key_texts
from hpcsweep.results.query.select import settings_of, with_others_that_vary
from hpcsweep.results.summaries import collapsed_classes
from hpcsweep.store.states import FINISHED
from hpcsweep.tables import Table, table
from hpcsweep.tables.formats.decimals import cell_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_PANELS = 12
COLOUR_MAPS = {"max": "viridis", "min": "viridis_r", None: "cividis"}  # bright is better, if that is known


def heatmap(
    results: Results,
    *,
    metrics: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    cols: Sequence[str] | None = None,
    pool: Sequence[str] | None = None,
    **_unused: Any,
) -> Figure:
    """Draw the comparison table as colours and numbers; hatched cells have none."""
    made = table(results, rows=rows, cols=cols, values=list(metrics or [])[:1] or None, pool=pool)
    if not made.spec.cols:
        raise UsageError("a heat map needs columns; name them: --rows layers --cols optimizer")
    height, width = len(made.row_keys), len(made.col_keys)
    numbers = np.array([[_mean(made, row, col) for col in made.col_keys] for row in made.row_keys], dtype=float)
    figure, (axes,) = new_figure(width=max(4.5, 1.35 * width + 2.5), height=max(2.8, 0.42 * height + 1.6))
    axes.grid(visible=False)
    image = axes.imshow(numbers, cmap=COLOUR_MAPS[made.values[0].better], aspect="auto")
    _label_cells(axes, made, numbers)
    axes.set_xticks(range(width), [", ".join(key_texts(key)) for key in made.col_keys])
    axes.set_yticks(range(height), [", ".join(key_texts(key)) for key in made.row_keys])
    axes.set(
        xlabel=", ".join(made.spec.cols), ylabel=", ".join(made.spec.rows), title=f"{results.title}: mean ± std (n)"
    )
    figure.colorbar(image, ax=axes, label=words(made.values[0].name))
    return figure


def confusion(
    results: Results, *, group: Sequence[str] | None = None, pool: Sequence[str] | None = None, **_unused: Any
) -> Figure:
    """Draw the confusion matrix of each setting, summed over seeds; each row shows shares of its true class."""
    everything = _confusions(results, group, pool)
    found = dict(list(everything.items())[:MAX_PANELS])
    left_out = (
        f"; {len(found)} of {len(everything)} settings, choose with --where" if len(found) < len(everything) else ""
    )
    cols = min(4, len(found))
    figure, panels = new_figure(math.ceil(len(found) / cols), cols, width=3.1, height=3.2)
    for axes in panels[len(found) :]:
        axes.set_axis_off()
    for axes, (label, of_seeds) in zip(panels, found.items(), strict=False):
        counts = np.sum(of_seeds, axis=0)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.grid(visible=False)
        image = axes.imshow(shares, vmin=0, vmax=1, cmap="cividis")
        collapsed = sum(bool(collapsed_classes(one)) for one in of_seeds)  # of each seed: a sum would hide it
        warning = f"\nclasses collapsed in {collapsed} of {len(of_seeds)}" if collapsed else ""
        axes.set_title(f"{label} (n = {len(of_seeds)}){warning}", fontsize=9)
        axes.set(xlabel="class said", ylabel="true class")
        ticks = range(0, len(counts), max(1, len(counts) // 10))
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
    figure.colorbar(image, ax=panels, label="share of the true class", shrink=0.8)
    figure.suptitle(f"{results.title}: confusion matrices, summed over seeds{left_out}", fontsize=10)
    return figure


def per_class(
    results: Results, *, group: Sequence[str] | None = None, pool: Sequence[str] | None = None, **_unused: Any
) -> Figure:
    """Draw each class's accuracy per setting, from its longest runs: the mean over seeds, a line from worst to best."""
    names, labels = lines_of(results, group, pool)
    arrays = _arrays(results, "confusion_matrix")
    by_label: dict[str, list[Any]] = {}
    for run_id, label in longest_runs(results, labels).items():
        if run_id in arrays:
            counts = arrays[run_id]
            by_label.setdefault(label, []).append(np.diag(counts) / np.maximum(counts.sum(axis=1), 1))
    classes = max(len(one) for found in by_label.values() for one in found)
    figure, (axes,) = new_figure(width=max(6.0, 0.55 * classes + 2), height=3.8)
    for number, (label, found) in enumerate(by_label.items()):
        shares = np.array([one for one in found if len(one) == classes])
        x = np.arange(classes) + 0.6 * ((number + 0.5) / len(by_label) - 0.5)
        style = {**line_style(number), "linestyle": "none"}
        axes.plot(x, shares.mean(axis=0), label=f"{label} (n = {len(shares)})", markersize=5, **style)
        axes.vlines(x, shares.min(axis=0), shares.max(axis=0), color=style["color"], linewidth=1.2)
    axes.axhline(1 / classes, color="#555555", linewidth=1, linestyle=(0, (2, 2)), label=f"chance, 1/{classes}")
    axes.set(xlabel="class", ylabel="accuracy of the class (share)", ylim=(-0.03, 1.03), xticks=range(classes))
    axes.set_title(f"{results.title}: accuracy by class")
    figure.legend(loc="outside right upper", title=", ".join(names))
    return figure


def _mean(made: Table, row: Any, col: Any) -> float:
    mean = made.cells[row, col, 0].mean
    return math.nan if mean is None else mean


def _label_cells(axes: Axes, made: Table, numbers: Any) -> None:
    from matplotlib.patches import Rectangle

    low, high = np.nanmin(numbers, initial=np.inf), np.nanmax(numbers, initial=-np.inf)
    decimals = made.decimals(0)
    for y, row in enumerate(made.row_keys):
        for x, col in enumerate(made.col_keys):
            cell = made.cells[row, col, 0]
            if math.isnan(numbers[y, x]):
                axes.add_patch(
                    Rectangle((x - 0.5, y - 0.5), 1, 1, hatch="///", fill=False, edgecolor="#999999", linewidth=0)
                )
                axes.text(x, y, cell.missing(), ha="center", va="center", fontsize=8, backgroundcolor="white")
                continue
            share = (numbers[y, x] - low) / (high - low) if high > low else 1.0
            bright = share < 0.45 if made.values[0].better == "min" else share > 0.55
            colour, weight = "black" if bright else "white", "bold" if (row, col, 0) in made.best else "normal"
            text = cell_text(cell, "mean", decimals)
            axes.text(x, y, text, ha="center", va="center", fontsize=8, color=colour, fontweight=weight)


def _arrays(results: Results, name: str) -> dict[str, Any]:
    done = results.column("id")[results.in_state(*FINISHED)].tolist()
    found = {run_id: arrays[name] for run_id, arrays in results.arrays(done).items() if name in arrays}
    if not found:
        raise NothingSelectedError(f"{results.title}: no finished run has a {name.replace('_', ' ')}")
    return found


def _confusions(results: Results, group: Sequence[str] | None, pool: Sequence[str] | None) -> dict[str, list[Any]]:
    """Return the matrices of each setting, one per seed, all of one shape."""
    names = with_others_that_vary(results, group or (), pool or ())
    arrays = _arrays(results, "confusion_matrix")
    grouped: dict[str, list[Any]] = {}
    for run_id, setting in zip(results.column("id"), settings_of(results, names), strict=True):
        if run_id in arrays:
            label = ", ".join(map(key_text, setting)) or results.title
            grouped.setdefault(label, []).append(arrays[run_id])
    return {label: [one for one in found if one.shape == found[0].shape] for label, found in grouped.items()}
