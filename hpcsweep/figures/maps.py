"""Heat maps, confusion matrices and per-class accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.figures.data import lines_of
from hpcsweep.figures.merit import MOST_COLUMNS, MOST_ROWS, best_labels, best_of, cut_said
from hpcsweep.figures.style import heading, line_style, new_figure, words
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_text, key_texts
from hpcsweep.results.query.select import settings_of, with_others_that_vary
from hpcsweep.run_notes import collapsed_classes
from hpcsweep.store.states import FINISHED
from hpcsweep.tables import Table, table
from hpcsweep.tables.formats.decimals import cell_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTER_INCH = 0.07  # of a number in a cell
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
    made, left_out = _cut(made)
    height, width = len(made.row_keys), len(made.col_keys)
    numbers = _means(made)
    texts = _cell_texts(made)
    inches = LETTER_INCH * max(map(len, texts.values())) + 0.2
    figure, (axes,) = new_figure(width=max(4.5, inches * width + 2.5), height=max(2.8, 0.42 * height + 1.6))
    axes.grid(visible=False)
    image = axes.imshow(numbers, cmap=COLOUR_MAPS[made.values[0].better], aspect="auto")
    _label_cells(axes, made, numbers, texts)
    axes.set_xticks(range(width), [", ".join(key_texts(key)) for key in made.col_keys])
    axes.set_yticks(range(height), [", ".join(key_texts(key)) for key in made.row_keys])
    axes.set(xlabel=", ".join(made.spec.cols), ylabel=", ".join(made.spec.rows))
    heading(figure, f"{results.title}: mean ± std (n)", left_out)
    figure.colorbar(image, ax=axes, label=words(made.values[0].name), fraction=0.05, aspect=40, pad=0.02)
    return figure


def _cut(made: Table) -> tuple[Table, str]:
    """Return the table with its best rows and columns, where it has too many, and what to say of that."""
    sizes = (len(made.row_keys), len(made.col_keys))
    mosts = (MOST_ROWS, MOST_COLUMNS)
    if all(size <= most for size, most in zip(sizes, mosts, strict=True)):
        return made, ""
    shown, numbers = made.values[0], _means(made)
    best = np.fmin if shown.better == "min" else np.fmax
    said, kept = [], []
    for axis, (keys, what) in enumerate(((made.row_keys, "rows"), (made.col_keys, "columns"))):
        chosen = keys
        if sizes[axis] > mosts[axis]:
            chosen = tuple(best_of(keys, best.reduce(numbers, axis=1 - axis), shown.better, mosts[axis]))
            said.append(cut_said(len(chosen), len(keys), what, shown.name, shown.better))
        kept.append(chosen)
    return replace(made, row_keys=kept[0], col_keys=kept[1]), "; ".join(said)


def confusion(
    results: Results, *, group: Sequence[str] | None = None, pool: Sequence[str] | None = None, **_unused: Any
) -> Figure:
    """Draw the confusion matrix of each setting, summed over seeds; each row shows shares of its true class."""
    found, left_out = _confusions(results, group, pool)
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
    heading(figure, f"{results.title}: confusion matrices, summed over seeds", left_out)
    return figure


def per_class(
    results: Results, *, group: Sequence[str] | None = None, pool: Sequence[str] | None = None, **_unused: Any
) -> Figure:
    """Draw each class's accuracy per setting, from its longest runs: the mean over seeds, a line from worst to best."""
    arrays = _arrays(results, "confusion_matrix")
    lines = lines_of(results, group, pool, among=arrays)
    by_label: dict[str, list[Any]] = {}
    for run_id, label in lines.runs.items():
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
    heading(figure, f"{results.title}: accuracy by class", lines.left_out)
    figure.legend(loc="outside right center", title=lines.title)
    return figure


def _means(made: Table) -> Any:
    found = [[made.cells[row, col, 0].mean for col in made.col_keys] for row in made.row_keys]
    return np.array(found, dtype=float)


def _cell_texts(made: Table) -> dict[tuple[int, int], str]:
    """Return {(row, column): what the cell says}."""
    decimals = made.decimals(0)
    cells = {
        (y, x): made.cells[row, col, 0] for y, row in enumerate(made.row_keys) for x, col in enumerate(made.col_keys)
    }
    return {place: cell_text(cell, "mean", decimals) if cell.n else cell.missing() for place, cell in cells.items()}


def _label_cells(axes: Axes, made: Table, numbers: Any, texts: dict[tuple[int, int], str]) -> None:
    from matplotlib.patches import Rectangle

    low, high = np.nanmin(numbers, initial=np.inf), np.nanmax(numbers, initial=-np.inf)
    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
    for (y, x), text in texts.items():
        if math.isnan(numbers[y, x]):
            hatched = Rectangle((x - 0.5, y - 0.5), 1, 1, hatch="///", fill=False, edgecolor="#999999", linewidth=0)
            axes.add_patch(hatched)
            axes.text(x, y, text, backgroundcolor="white", **middle)
            continue
        share = (numbers[y, x] - low) / (high - low) if high > low else 1.0
        bright = share < 0.45 if made.values[0].better == "min" else share > 0.55
        is_best = (made.row_keys[y], made.col_keys[x], 0) in made.best
        weight = "bold" if is_best else "normal"
        axes.text(x, y, text, color="black" if bright else "white", fontweight=weight, **middle)


def _arrays(results: Results, name: str) -> dict[str, Any]:
    done = results.column("id")[results.in_state(*FINISHED)].tolist()
    found = {run_id: arrays[name] for run_id, arrays in results.arrays(done).items() if name in arrays}
    if not found:
        raise NothingSelectedError(f"{results.title}: no finished run has a {name.replace('_', ' ')}")
    return found


def _confusions(
    results: Results, group: Sequence[str] | None, pool: Sequence[str] | None
) -> tuple[dict[str, list[Any]], str]:
    """Return the matrices of each setting that is shown, one per seed, all of one shape; and what is left out."""
    names = with_others_that_vary(results, group or (), pool or ())
    arrays = _arrays(results, "confusion_matrix")
    labels = [", ".join(map(key_text, setting)) or results.title for setting in settings_of(results, names)]
    of_run = {run: label for run, label in zip(results.column("id"), labels, strict=True) if run in arrays}
    shown, left_out = best_labels(results, [of_run.get(run) for run in results.column("id")])
    grouped: dict[str, list[Any]] = {label: [] for label in shown}
    for run, label in of_run.items():
        if label in grouped:
            grouped[label].append(arrays[run])
    return {label: [one for one in found if one.shape == found[0].shape] for label, found in grouped.items()}, left_out
