"""How numbers look in a table: the same decimals in all cells of a value, as many as their spread justifies."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from hpcsweep.tables.cells import MIXED, Cell

MAX_DECIMALS = 6
ROUNDING = 1e-12  # a relative spread below this comes from rounding, not from the runs
SCIENTIFIC_BELOW, SCIENTIFIC_FROM = 1e-4, 1e7


def decimals_of(cells: Sequence[Cell]) -> int | None:
    """Return how many decimals to show of a value in all its cells; None means scientific notation.

    They show two significant digits of the typical spread, or without a spread four significant digits of the largest
    number; and more if a small mean would otherwise be shown as 0.
    """
    numbers = [abs(number) for cell in cells for number in cell.numbers if math.isfinite(number) and number]
    if not numbers:
        return 3
    largest = max(numbers)
    if all(number == round(number) for number in numbers) and largest < SCIENTIFIC_FROM:
        return 1 if any(cell.std for cell in cells) else 0
    if not SCIENTIFIC_BELOW <= largest < SCIENTIFIC_FROM:
        return None
    spreads = [cell.std for cell in cells if cell.std and math.isfinite(cell.std) and cell.std > ROUNDING * largest]
    spread = statistics.median(spreads) if spreads else 0.0
    digits = max(0, 1 - _magnitude(spread) if spread else 3 - _magnitude(largest))
    means = [abs(cell.mean) for cell in cells if cell.mean and math.isfinite(cell.mean)]
    if means and min(means) < 10.0**-digits:  # what is not 0 must not look like 0
        digits = 1 - _magnitude(min(means))
        return digits if digits <= MAX_DECIMALS - 1 else None
    return min(digits, MAX_DECIMALS)


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
    text = number_text(number, decimals)
    bounds = cell.bounds(kind)
    if bounds:
        text += f" [{number_text(bounds[0], decimals)}, {number_text(bounds[1], decimals)}]"
    elif kind == "mean" and cell.std is not None:
        text += f"{plus_minus}{number_text(cell.std, decimals)}"
    count = f"{cell.n}" if cell.n == cell.total else f"{cell.n}/{cell.total}"
    return f"{text} ({count}){MIXED if cell.mixed else ''}"


def _magnitude(number: float) -> int:
    return math.floor(math.log10(number))
