"""The table that sets what was expected of a sweep beside what came out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpcsweep.statistics.expected import Comparison
from hpcsweep.statistics.paired import MIN_SEEDS
from hpcsweep.tables.cells import Cell
from hpcsweep.tables.formats.decimals import cell_text, decimals_of
from hpcsweep.tables.formats.grid import Grid, GridCell
from hpcsweep.tables.formats.html import to_html
from hpcsweep.tables.formats.markup import to_markdown
from hpcsweep.tables.formats.text import WIDTH, to_text

HEADINGS = ("expected", "measured", "difference [95 %]", "verdict")
NOTE = (
    'Means and intervals are over seeds. "not told": the seeds differ too much, or are too few, to say. With fewer '
    f"than {MIN_SEEDS} seeds the mean alone is held against the tolerance, and no setting is called better."
)


def expected_table(comparisons: Sequence[Comparison], form: str = "text", width: int = WIDTH) -> str:
    """Return the comparisons as a table: Markdown ("md"), "html", or text of `width` characters; "" without any."""
    if not comparisons:
        return ""
    grid = _grid(comparisons)
    return to_markdown(grid) if form == "md" else to_html(grid) if form == "html" else to_text(grid, width)


def _grid(comparisons: Sequence[Comparison]) -> Grid:
    return Grid(
        caption="Beside what was expected",
        stubs=("source", "setting", "value"),
        levels=(HEADINGS,),
        labels=tuple((one.source, one.setting, one.value) for one in comparisons),
        cells=tuple(tuple(GridCell(text) for text in _texts(one)) for one in comparisons),
        notes=(NOTE,),
    )


def _texts(one: Comparison) -> tuple[str, str, str, str]:
    cell = Cell(tuple(one.numbers.values()), {"done": len(one.numbers)})
    measured = cell_text(cell, "mean", decimals_of([cell])) if cell.n else "-"
    return _expected(one), measured, _difference(one), str(one.verdict)


def _expected(one: Comparison) -> str:
    if one.against is not None:
        return f"better than {one.against}"
    if one.tolerance is None:
        return f"better than {one.original:g}"
    return f"{one.original:g}, give or take {one.tolerance:g}"


def _difference(one: Comparison) -> str:
    test = one.difference
    if math.isnan(test.difference):
        return "-"
    interval = "" if math.isnan(test.low) else f" [{test.low:+.2g}, {test.high:+.2g}]"
    return f"{test.difference:+.2g}{interval}"
