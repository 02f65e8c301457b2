"""Which cells of a table are marked: the best, and those that the seeds cannot tell from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcsweep.results import Results
from hpcsweep.results.query.over_epochs import may_be_best, why_not_comparable
from hpcsweep.results.query.select import settings_of
from hpcsweep.results.query.values import Value, finished, metric_of, unknown_direction
from hpcsweep.statistics.best_set import LEVEL, best_set, by_seed
from hpcsweep.statistics.paired import MIN_SEEDS
from hpcsweep.tables.layout import Spec

Key = tuple[Any, ...]
Place = tuple[Key, Key, int]


def marks(results: Results, spec: Spec, values: Sequence[Value]) -> tuple[frozenset[Place], list[str]]:
    """Return the cells to mark of each value, and why none is marked where that is so.

    A cell stands for its mean over seeds, whatever it shows. One correction covers the cells of all values.
    """
    cells = list(zip(settings_of(results, spec.rows), settings_of(results, spec.cols), strict=True))
    marked: set[Place] = set()
    unmarked: dict[str, None] = {}
    for position, value in enumerate(values):
        found, why_not = _marked(results, value, cells, LEVEL / len(values))
        marked |= {(*cell, position) for cell in found}
        unmarked |= dict.fromkeys(why_not)
    return frozenset(marked), list(unmarked)


def _marked(
    results: Results, value: Value, cells: Sequence[tuple[Key, Key]], level: float
) -> tuple[list[tuple[Key, Key]], list[str]]:
    wanted = finished(results, value) & may_be_best(results)
    keys, numbers = by_seed(cells, results.column("seed").tolist(), value.numbers, wanted)
    counts = np.isfinite(numbers).sum(axis=1)
    if len(np.unique(value.numbers[wanted])) < 2 or (counts > 0).sum() < 2:
        return [], []
    if value.better is None:
        unknown = f"No best is marked for {value.name}: {unknown_direction(results, value.name)}."
        return [], [unknown] if metric_of(results, value.name) else []
    if why_not := why_not_comparable(results, value.name, wanted):
        return [], [f"No best is marked: {why_not}."]
    found = best_set(numbers, larger=value.better == "max", level=level)
    if found.claims:
        return [key for key, is_left in zip(keys, found.is_left & (counts >= MIN_SEEDS), strict=True) if is_left], []
    seeds = int(counts.max())
    if seeds < MIN_SEEDS:
        return [], [f"No best is marked: nothing is claimed from {seeds} seed{'s' * (seeds != 1)}."]
    return [], [f"No best is marked: {seeds} seeds do not tell any cell from the best."]
