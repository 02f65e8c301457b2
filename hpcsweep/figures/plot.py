"""The kinds of figures by name, made from a path and saved to a file."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpcsweep.errors import NothingSelectedError, UsageError, nearest
from hpcsweep.figures import lines, maps, rungs, scores
from hpcsweep.figures.style import styled
from hpcsweep.files import write_atomic
from hpcsweep.results import Results, ResultsSource
from hpcsweep.results.query.in_common import in_common
from hpcsweep.results.query.select import results_of
from hpcsweep.results.query.values import anything_finished
from hpcsweep.store.opening import StoreSource

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS: Mapping[str, Callable[..., Figure]] = {
    "curves": lines.curves,
    "gap": lines.gap,
    "time": lines.time_an_epoch,
    "heatmap": maps.heatmap,
    "score": scores.score,
    "parallel": scores.parallel,
    "confusion": maps.confusion,
    "per-class": maps.per_class,
    "halving": rungs.halving,
}
FORMATS = ("png", "svg", "pdf")
CAPTION_PER_INCH = 19  # letters


def plot(
    source: ResultsSource,
    kind: str,
    *,
    where: str | None = None,
    store: StoreSource = None,
    **options: Any,
) -> Figure:
    """Return the figure of this kind: one of KINDS, whose functions say which options they take.

    Common options: `metrics`, `group` (the parameters that tell lines apart), `where`; for curves also `log_epochs` and
    `classes` (for the chance line; by default found from the confusion matrices). Raises UsageError for an unknown
    kind, NothingSelectedError if no run has what the figure needs.
    """
    if kind not in KINDS:
        raise UsageError(f'there is no figure "{kind}"{nearest(kind, KINDS)}; expected one of {", ".join(KINDS)}')
    results = results_of(source, where=where, store=store)
    if not anything_finished(results):
        raise NothingSelectedError(f"{results.title}: no run is finished yet; type: {results.to_type('run')}")
    if kind == "curves" and options.get("classes") is None:
        options["classes"] = class_count(results)
    with styled():
        figure = KINDS[kind](results, **options)
        if same := in_common(results):
            lines = textwrap.fill(f"The same in all runs: {same}", int(CAPTION_PER_INCH * figure.get_figwidth()))
            figure.supxlabel(lines, fontsize=7, x=0.02, horizontalalignment="left", color="#555555")
        figure.canvas.draw()  # lay it out in our style, whatever the style in which it is saved
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of `path`; a failure leaves no partial file."""
    import io

    path = Path(path)
    form = path.suffix.removeprefix(".").lower()
    if form not in FORMATS:
        raise UsageError(f"{path}: found the ending {path.suffix or 'none'}, expected .{', .'.join(FORMATS)}")
    buffer = io.BytesIO()
    stamps: dict[str, Any] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with styled():
        figure.savefig(buffer, format=form, metadata=stamps[form])
    write_atomic(path, buffer.getvalue())


def class_count(results: Results) -> int | None:
    """Return how many classes a classifier's confusion matrix has; None if its runs keep no matrix."""
    with_matrix = results.column("id")[results.column("collapsed_classes").notna()].tolist()
    if not with_matrix:
        return None
    found = results.arrays(with_matrix[:1]).get(with_matrix[0], {}).get("confusion_matrix")
    return None if found is None else len(found)
