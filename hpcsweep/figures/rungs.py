"""The curves of a halved sweep: how far each setting was trained, and where it was decided who goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpcsweep.errors import UsageError
from hpcsweep.figures.data import Band, bands, lines_of
from hpcsweep.figures.lines import draw_band
from hpcsweep.figures.merit import MOST_SETTINGS, best_of, cut_said
from hpcsweep.figures.style import LOG_FROM, heading, legend, log_if_wide, new_figure, words
from hpcsweep.results import Results
from hpcsweep.results.query.values import direction_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STOPPED = "#999999"


def halving(
    results: Results,
    *,
    metrics: Sequence[str] | None = None,
    group: Sequence[str] | None = None,
    pool: Sequence[str] | None = None,
    **_unused: Any,
) -> Figure:
    """Draw each setting's mean over seeds up to the last rung it has finished; a cross ends those of earlier rungs.

    Vertical lines are the rungs, and the number above each is how many settings have finished it.
    """
    if results.halving is None:
        curves = results.to_type("plot", "curves")
        raise UsageError(f"{results.title}: has no [halving], so no rungs; draw its curves: {curves}")
    rungs, metric = results.halving.epochs, (metrics or [results.halving.metric])[0]
    lines = lines_of(results, group, pool, value=metric, most=None)
    found = bands(results, metric, lines)
    to_the_end = [band for band in found if band.epoch[-1] >= rungs[-1]]
    better = direction_of(results, metric)
    best = best_of(range(len(to_the_end)), [band.mean[-1] for band in to_the_end], better, MOST_SETTINGS)
    figure, (axes,) = new_figure(width=7.5, height=4.4)
    for band in found:
        if band.epoch[-1] < rungs[-1]:
            _draw_stopped(axes, band)
    for number, place in enumerate(best):
        draw_band(axes, to_the_end[place], number)
    axes.set(xlabel="epoch (0: untrained)", ylabel=words(metric))
    if rungs[-1] >= LOG_FROM * rungs[0]:
        axes.set(xlim=(max(rungs[0] / 2, 0.8), rungs[-1] * 1.1), xscale="log", xlabel="epoch (log)")
    _draw_rungs(axes, rungs, [sum(band.epoch[-1] >= rung for band in found) for rung in rungs])
    log_if_wide(axes, [value for band in found for value in band.mean])
    cut = "" if len(best) == len(to_the_end) else cut_said(len(best), len(to_the_end), "settings", metric, better)
    audited = f"; with an audit of {results.halving.audit}" if results.halving.audit else ""
    said = "means over seeds up to the rungs, with the number of settings that finished each; x: not trained further"
    heading(figure, f"{results.title}: {said}{audited}", cut)
    legend(figure, axes, lines.title)
    return figure


def _draw_stopped(axes: Axes, band: Band) -> None:
    axes.plot(band.epoch, band.mean, color=STOPPED, linewidth=0.8, alpha=0.6)
    axes.plot(band.epoch[-1:], band.mean[-1:], "x", color=STOPPED, markersize=5)


def _draw_rungs(axes: Axes, rungs: Sequence[int], finished: Sequence[int]) -> None:
    axes.set_xticks(rungs, [str(rung) for rung in rungs])
    axes.set_xticks([], minor=True)
    for rung, count in zip(rungs, finished, strict=True):
        axes.axvline(rung, color="#555555", linewidth=0.8, linestyle=(0, (2, 2)))
        axes.annotate(f"{count}", (rung, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8)
