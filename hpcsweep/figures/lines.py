"""Learning curves, the gap between training and validation, and time per epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hpcsweep.errors import NothingSelectedError
from hpcsweep.figures.data import Band, bands, lines_of
from hpcsweep.figures.merit import MOST_ROWS, best_of
from hpcsweep.figures.style import LOG_FROM, chance, fit_to, heading, legend, line_style, log_if_wide, new_figure, words
from hpcsweep.metrics import metrics_among
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.select import axis_column
from hpcsweep.results.query.values import direction_of
from hpcsweep.sweep.choices import EPOCHS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS = 8


def curves(
    results: Results,
    *,
    metrics: Sequence[str] | None = None,
    group: Sequence[str] | None = None,
    pool: Sequence[str] | None = None,
    log_epochs: bool = False,
    classes: int | None = None,
) -> Figure:
    """Draw one panel per metric: the mean over seeds against the epoch, and a band from the worst to the best seed."""
    shown = list(metrics or _default_metrics(results))
    lines = lines_of(results, group, pool, value=metrics[0] if metrics else None)
    size = {"width": 4.8} if len(shown) > 1 else {"width": 7.5, "height": 4.0}
    figure, panels = new_figure(-(-len(shown) // 2), min(len(shown), 2), **size)
    for empty in panels[len(shown) :]:
        empty.set_axis_off()
    for axes, metric in zip(panels, shown, strict=False):
        found = bands(results, metric, lines)
        for number, band in enumerate(found):
            draw_band(axes, band, number, log_epochs)
        _draw_chance(axes, metric, classes)
        axes.set(xlabel="epoch (0: untrained)" if not log_epochs else "epoch + 1 (log)", ylabel=words(metric, classes))
        if log_epochs:
            axes.set_xscale("log")
        log_if_wide(axes, np.concatenate([band.mean for band in found]))
        trained = [numbers[band.epoch > 0] for band in found for numbers in (band.low, band.high)]
        if fit_to(axes, np.concatenate(trained)):
            axes.set_xlabel(f"{axes.get_xlabel()}; the untrained model is off the axis")
    legend(figure, panels[0], lines.title)
    seeds = sorted({band.seeds for band in found})
    over = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    heading(figure, f"{results.title}: mean over n = {over} seeds; band: worst to best seed", lines.left_out)
    return figure


def _draw_chance(axes: Axes, metric: str, classes: int | None) -> None:
    guess = chance(metric, classes)
    if guess:
        height, said = guess
        axes.axhline(height, color="#555555", linewidth=1, linestyle=(0, (2, 2)))
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom", "fontsize": 8}
        axes.annotate(said, (1, height), annotation_clip=True, **place)


def draw_band(axes: Axes, band: Band, number: int, log_epochs: bool = False) -> None:
    """Draw one mean line and its band; sparse markers tell lines apart in black and white."""
    x = band.epoch + 1 if log_epochs else band.epoch
    style = line_style(number)
    every = max(1, len(x) // MARKS)
    axes.plot(x, band.mean, label=band.label, linewidth=1.6, markersize=4, markevery=(number % every, every), **style)
    if band.seeds > 1:
        axes.fill_between(x, band.low, band.high, color=style["color"], alpha=0.18, linewidth=0)


def gap(
    results: Results,
    *,
    metrics: Sequence[str] | None = None,
    group: Sequence[str] | None = None,
    pool: Sequence[str] | None = None,
    **_unused: Any,
) -> Figure:
    """Draw how much better training is than validation at each epoch: above 0 and rising is overfitting."""
    metric = (list(metrics or []) or ["accuracy" if "val_accuracy" in results.metrics else "loss"])[0].removeprefix(
        "val_"
    )
    if not {metric, f"val_{metric}"} <= set(results.metrics):
        raise NothingSelectedError(f"{results.title}: no run logged both {metric} and val_{metric}")
    figure, (axes,) = new_figure(width=7.5, height=4.0)
    lines = lines_of(results, group, pool, value=f"val_{metric}" if metrics else None)
    train, validation = bands(results, metric, lines), bands(results, f"val_{metric}", lines)
    sign = 1.0 if direction_of(results, metric) == "max" else -1.0
    held_out = {band.label: band for band in validation}
    for number, band in enumerate(band for band in train if band.label in held_out):
        other = held_out[band.label]
        epochs, here, there = np.intersect1d(band.epoch, other.epoch, return_indices=True)
        difference = sign * (band.mean[here] - other.mean[there])
        every = max(1, len(epochs) // MARKS)
        axes.plot(
            epochs, difference, label=band.label, linewidth=1.6, markersize=4, markevery=every, **line_style(number)
        )
    axes.axhline(0, color="#555555", linewidth=1)
    order = "validation minus training" if sign < 0 else "training minus validation"
    axes.set(xlabel="epoch (0: untrained)", ylabel=f"{words(metric)}: {order}")
    heading(figure, f"{results.title}: overfitting gap (mean over seeds)", lines.left_out)
    legend(figure, axes, lines.title)
    return figure


def time_an_epoch(results: Results, *, group: Sequence[str] | None = None, **_unused: Any) -> Figure:
    """Draw the mean seconds per epoch of each run, by device and setting."""
    names = tuple(group) if group else tuple(name for name in results.varying() if name != EPOCHS)[:2]
    if "mean_seconds" not in results.own:
        raise NothingSelectedError(f"{results.title}: no run recorded its seconds per epoch")
    columns = [results.column("device").fillna("unknown device"), *(axis_column(results, name) for name in names)]
    keys = [", ".join(map(key_text, key)) for key in zip(*(column.tolist() for column in columns), strict=True)]
    seconds = pd.Series(results.column("mean_seconds").to_numpy()).groupby(keys, sort=False)
    by_key = {str(key): found.to_numpy() for key, all_of_it in seconds if len(found := all_of_it.dropna())}
    order, left_out = list(by_key), ""
    if len(order) > MOST_ROWS:
        order = best_of(order, [found.mean() for found in by_key.values()], "max", MOST_ROWS)
        left_out = f"the {MOST_ROWS} slowest of {len(by_key)}; choose with --where"
    figure, (axes,) = new_figure(width=6.5, height=max(2.2, 0.32 * len(order) + 1.2))
    for row, key in enumerate(order):
        axes.plot(by_key[key], [row] * len(by_key[key]), "o", color="#0072B2", alpha=0.6, markersize=5)
        axes.plot([by_key[key].mean()], [row], "|", color="#D55E00", markersize=16, markeredgewidth=2)
    axes.set_yticks(range(len(order)), order)
    axes.invert_yaxis()
    every = np.concatenate([by_key[key] for key in order])
    is_log = bool(every.min() > 0 and every.max() / every.min() >= LOG_FROM)
    axes.set(
        xscale="log" if is_log else "linear",
        xlabel=f"time per epoch (s{', log' if is_log else ''}); | is the mean",
    )
    heading(figure, f"{results.title}: device, {', '.join(names)}", left_out)
    return figure


def _default_metrics(results: Results) -> list[str]:
    known: list[str] = [name for name in ("accuracy", "val_accuracy", "loss", "val_loss") if name in results.metrics]
    shown = known or metrics_among(results.metrics)[:2]
    if not shown:
        raise NothingSelectedError(f"{results.title}: no run has a history; curves need metrics logged by epoch")
    return shown
