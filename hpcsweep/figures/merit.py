"""What a figure shows where there is more than it has room for: the best, and it says so."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from hpcsweep.metrics import Direction
from hpcsweep.results import Results
from hpcsweep.results.query.values import default_value, finished, value_of

MOST_SETTINGS = 12  # as lines that can be followed, and as panels
MOST_ROWS = 40
MOST_COLUMNS = 12
One = TypeVar("One", bound=Hashable)


def best_labels(
    results: Results, labels: Sequence[str | None], value: str | None = None, most: int | None = MOST_SETTINGS
) -> tuple[list[str], str]:
    """Return which of the labels of the runs to show, and what to say of those that are left out ("" for none).

    More labels than `most` are cut by the mean of `value` over the done runs of each; by default the value that the
    sweep is about. A run without a label (None) cannot be drawn.
    """
    every = list(dict.fromkeys(label for label in labels if label is not None))
    if most is None or len(every) <= most:
        return every, ""
    shown = value_of(results, value or default_value(results))
    numbers = pd.Series(np.where(finished(results, shown), shown.numbers, np.nan))
    means = numbers.groupby(pd.Series(list(labels), dtype=object), sort=False).mean()
    kept = best_of(every, means[every].tolist(), shown.better, most)
    return kept, cut_said(len(kept), len(every), "settings", shown.name, shown.better)


def best_of(ones: Iterable[One], numbers: Sequence[float], better: Direction | None, most: int) -> list[One]:
    """Return the `most` of `ones` with the best numbers, the best first, NaN last; the first ones if none is better."""
    if better is None:
        return list(ones)[:most]
    sign = 1 if better == "min" else -1
    ordered = sorted(zip(ones, numbers, strict=True), key=lambda pair: (np.isnan(pair[1]), sign * pair[1]))
    return [one for one, _ in ordered[:most]]


def cut_said(kept: int, of: int, what: str, value: str, better: Direction | None) -> str:
    """Say how many were kept of how many, why these, and how to see others."""
    if better is None:
        return f"the first {kept} of {of} {what}, as no end of {value} is known to be better; choose with --where"
    return f"the {kept} best of {of} {what} by {value}; choose with --where"
