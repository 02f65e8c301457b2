"""How numbers look in a table: the same decimals in all usual cells of a value, as many as their spread justifies."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from hpcsweep.statistics.robust import MIN_RUNS
from hpcsweep.tables.cells import MIXED, Cell

MAX_DECIMALS = 6
EXTENDED = 4
ROUNDING = 1e-12  # a relative spread below this comes from rounding, not from the runs
SCIENTIFIC_BELOW, SCIENTIFIC_FROM = 1e-4, 1e7


def decimals_of(cells: Sequence[Cell]) -> int | None:
    """Return how many decimals to show of a value in its cells; None means scientific notation in all of them.

    They show two significant digits of the typical spread, or without a spread four significant digits of the largest
    number; and up to EXTENDED where a small mean would otherwise be shown as 0. What is extreme has no say: a cell that
    these decimals do not fit is in scientific notation, alone (see `cell_text`).
    """
    numbers = [abs(number) for cell in cells for number in cell.numbers if math.isfinite(number) and number]
    usual = [number for number in numbers if _is_usual(number)]
    if not usual:
        return None if numbers else 3
    largest = max(usual)
    means = [mean for cell in cells if (mean := abs(cell.mean or 0.0)) and _is_usual(mean)]
    if all(number == round(number) for number in usual):
        return 1 if any(cell.std for cell in cells) else 0
    spreads = [cell.std for cell in cells if cell.std and ROUNDING * largest < cell.std < SCIENTIFIC_FROM]
    spread = statistics.median(spreads) if spreads else 0.0
    digits = min(MAX_DECIMALS, max(0, 1 - _magnitude(spread) if spread else 3 - _magnitude(largest)))
    hidden = [mean for mean in means if mean < 10.0**-digits and 1 - _magnitude(mean) <= EXTENDED]
    return max([digits, *(1 - _magnitude(mean) for mean in hidden)])


def _is_usual(number: float) -> bool:
    return SCIENTIFIC_BELOW <= number < SCIENTIFIC_FROM


def number_text(number: float, decimals: int | None) -> str:
    """Return a number with this many decimals (None: scientific notation); infinite and undefined ones in words."""
    if not math.isfinite(number):
        return "nan" if math.isnan(number) else ("inf" if number > 0 else "-inf")
    return f"{number:.2e}" if decimals is None else f"{number:.{decimals}f}"


def cell_text(cell: Cell, kind: str, decimals: int | None, plus_minus: str = " ± ") -> str:
    """Return a cell as `0.913 ± 0.004 (3)`; with `(2/3)` if only two of three runs count; in words if none does."""
    number = cell.number(kind)
    if number is None:
        return cell.missing()
    count = f"{cell.n}" if cell.n == cell.total else f"{cell.n}/{cell.total}"
    mark = MIXED if cell.mixed else ""
    if kind == "ci" and cell.n < MIN_RUNS:  # too few for an interval: the runs say themselves what they are
        return f"{', '.join(number_text(one, decimals) for one in sorted(cell.numbers))} ({count}){mark}"
    if decimals is not None and number and not 10.0**-decimals <= abs(number) < SCIENTIFIC_FROM:
        decimals = None  # it would look like 0, or as if all its digits were known
    text = number_text(number, decimals)
    bounds = cell.bounds(kind)
    if bounds:
        text += f" [{number_text(bounds[0], decimals)}, {number_text(bounds[1], decimals)}]"
    elif kind == "mean" and cell.std is not None:
        text += f"{plus_minus}{number_text(cell.std, decimals)}"
    return f"{text} ({count}){mark}"


def _magnitude(number: float) -> int:
    return math.floor(math.log10(number))
