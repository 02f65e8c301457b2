"""Fewer points for a chart, none of them made up: the extremes of each stretch stay."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
POINTS = 400


def thin(x: Array, y: Array, points: int = POINTS) -> list[list[Any]]:
    """Return [x, y] with at most about `points` of the points, rounded to four digits: the first, the last, and of
    each of `points / 2` equal stretches the smallest and the largest. A value that is not finite becomes None.
    """
    if len(x) > points:
        inner = np.arange(1, len(x) - 1)
        stretches = np.array_split(inner, max(1, (points - 2) // 2))
        finite = np.where(np.isfinite(y), y, np.nan)
        keep = {0, len(x) - 1}
        for stretch in stretches:
            part = finite[stretch]
            if np.isnan(part).all():
                keep.add(int(stretch[0]))
            else:
                keep |= {int(stretch[np.nanargmin(part)]), int(stretch[np.nanargmax(part)])}
        rows = np.array(sorted(keep))
        x, y = x[rows], y[rows]
    return [x.tolist(), [round_to(value) for value in y.tolist()]]


def round_to(value: float, digits: int = 4) -> float | None:
    """Return a number rounded to so many significant digits, None if it is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
