"""How all figures look: one palette, one size, units in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008, told apart by all common kinds of colour blindness; yellow is left out as too light for print
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "osD^vPX"
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
WIDE = 1e4
LOG_FROM = 20.0  # an axis whose largest value is this many times the smallest is logarithmic
LETTERS_PER_INCH = 13  # of a heading
LETTERS = 60  # of a line of a legend
FLAT = 3.0  # an axis this many times as long as what it should show is too long
_STYLE = {
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "axes.titlesize": 11,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "svg.hashsalt": "hpcsweep",  # so that the same figure gives the same file
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of this package, whatever the caller's settings are."""
    import matplotlib as mpl

    settings: dict[Any, Any] = {**mpl.rcParamsDefault, **_STYLE, "backend": mpl.rcParams["backend"]}
    with mpl.rc_context(settings):
        yield


def new_figure(rows: int = 1, cols: int = 1, width: float = 4.6, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    """Return a figure without a window (nothing needs closing) and its panels, row by row; sizes are in inches."""
    from hpcsweep.figures.shown import ShownFigure

    figure = ShownFigure(width * cols, height * rows)
    return figure, list(figure.subplots(rows, cols, squeeze=False).ravel())


def line_style(number: int) -> dict[str, Any]:
    """Return colour, dash and marker of the line with this number: lines differ in more than colour."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": DASHES[number // len(COLOURS) % len(DASHES)],
        "marker": MARKERS[(number + 3 * (number // len(COLOURS))) % len(MARKERS)],
    }


def words(metric: str, classes: int | None = None) -> str:
    """Return the label of a metric or column, with its unit: `val_loss` of a classifier is "validation loss (nats)"."""
    name = metric
    prefix = ""
    for summary, said in (
        ("last_", "last "),
        ("min_", "lowest "),
        ("max_", "highest "),
        ("mean_", "mean "),
        ("final_", ""),
    ):
        if name.startswith(summary):
            prefix, name = said, name.removeprefix(summary)
    if name.startswith("val_"):
        prefix, name = f"{prefix}validation ", name.removeprefix("val_")
    units = {
        "loss": "loss (nats)" if classes else "loss",
        "accuracy": "accuracy (share)",
        "seconds": "time per epoch (s)",
        "time_s": "time (s)",
    }
    return prefix + units.get(name, name.replace("_", " "))


def chance(metric: str, classes: int | None) -> tuple[float, str] | None:
    """Return what guessing among `classes` gives, and its label: 1/k in accuracy, log(k) nats in loss."""
    if not classes or classes < 2:
        return None
    if metric.endswith("accuracy"):
        return 1 / classes, f"chance, 1/{classes}"
    if metric in ("loss", "val_loss"):
        return math.log(classes), f"chance, log({classes}) nats"
    return None


def log_if_wide(axes: Axes, values: Any) -> None:
    """Make the value axis logarithmic, and say so, if the values span more than WIDE and are all positive."""
    finite = [float(value) for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > WIDE:
        axes.set_yscale("log")
        axes.set_ylabel(f"{axes.get_ylabel()} (log)")


def fit_to(axes: Axes, values: Any) -> bool:
    """Let a linear value axis show these values if others would make them flat; return whether something is off it."""
    finite = [float(value) for value in values if math.isfinite(value)]
    low, high = axes.get_ylim()
    span = max(finite, default=0) - min(finite, default=0)
    if axes.get_yscale() == "log" or not 0 < span * FLAT < high - low:
        return False
    axes.set_ylim(min(finite) - 0.06 * span, max(finite) + 0.06 * span)
    return True


def legend(figure: Figure, axes: Axes, title: str) -> None:
    """Put the legend beside the panels, where it hides nothing; what is too long for a line is cut."""
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        title, *labels = (text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…" for text in (title, *labels))
        figure.legend(handles, labels, title=title, loc="outside right center")


def heading(figure: Figure, text: str, left_out: str = "") -> None:
    """Say above all panels what they show, and below that what was left out of them."""
    letters = int(LETTERS_PER_INCH * figure.get_figwidth())
    lines = [line for part in (text, left_out) for line in textwrap.wrap(part, letters)]
    figure.suptitle("\n".join(lines), fontsize=10, x=0.02, horizontalalignment="left")
