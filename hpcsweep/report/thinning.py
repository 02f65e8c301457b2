"""Fewer points for a chart, all of them real: the extremes of each stretch are kept."""

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
        rows = _extremes(y[1:-1], max(1, (points - 2) // 2)) + 1
        keep = np.unique(np.concatenate([[0], rows, [len(x) - 1]]))
        x, y = x[keep], y[keep]
    return [x.tolist(), [round_to(value) for value in y.tolist()]]


def _extremes(y: Array, stretches: int) -> Array:
    """Return the places of the smallest and the largest finite value in each of this many equal stretches."""
    size = -(-len(y) // stretches)
    padded = np.full(-(-len(y) // size) * size, np.nan)
    padded[: len(y)] = np.where(np.isfinite(y), y, np.nan)
    rows = padded.reshape(-1, size)
    starts = np.arange(len(rows)) * size
    smallest = np.where(np.isnan(rows), np.inf, rows).argmin(axis=1)
    largest = np.where(np.isnan(rows), -np.inf, rows).argmax(axis=1)
    places: Array = np.concatenate([starts + smallest, starts + largest])
    return places


def round_to(value: float, digits: int = 4) -> float | None:
    """Return a number rounded to this many significant digits; None if it is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
