"""Runs whose numbers are alike where they should differ: a job that takes no seed, ignores a parameter, logs nothing.

Alike means equal to the bit in every summary of every metric, and in all that the job returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from hpcsweep.metrics import SECONDS, STATISTICS
from hpcsweep.results import Results
from hpcsweep.store.states import COUNTED
from hpcsweep.sweep.choices import EPOCHS, SEED

_NO_METRICS = (SECONDS, "epoch")  # the time differs anyway, and best_epoch is no metric


def alike_notes(results: Results) -> Iterator[str]:
    """Yield what should make a reader doubt that the job uses its seed and its parameters."""
    done = results.in_state(*COUNTED)
    numbers = _numbers(results)[done]
    empty = np.isnan(numbers).all(axis=1)
    if empty.any():
        yield f"WARNING: {int(empty.sum())} of {len(numbers)} finished runs have no metric at all: the job told none."
    told = [None if nothing else row.tobytes() for row, nothing in zip(numbers, empty.tolist(), strict=True)]
    columns: dict[str, list[Any]] = {name: results.runs[name][done].tolist() for name in results.parameters}
    columns[SEED] = results.column(SEED)[done].tolist()
    alike, groups = _count_alike(columns, SEED, told) if len(set(columns[SEED])) > 1 else (0, 0)
    if alike:
        yield (
            f"WARNING: with other seeds the numbers stay the same, in {alike} of {groups} points; the job seems not to "
            "use its seed, so ± says nothing there."
        )
    for name in results.varying():
        if name != EPOCHS and _all_alike(columns, name, told):  # a stop rule may end both
            yield f"WARNING: with other values of {name} all numbers stay the same; the job seems not to use it."


def _numbers(results: Results) -> np.ndarray[Any, Any]:
    """Return all summaries and returned values of each run, float [runs, columns]."""
    split = {name: name.partition("_") for name in results.own}
    summaries = [name for name, (of, _, metric) in split.items() if of in STATISTICS and metric not in _NO_METRICS]
    names = [results.own[name] for name in summaries] + list(results.returned)
    return results.runs[names].to_numpy(dtype=float, na_value=np.nan)


def _count_alike(columns: dict[str, list[Any]], changed: str, told: Sequence[bytes | None]) -> tuple[int, int]:
    """Return of how many groups that differ in `changed` alone all numbers are the same, and how many there are."""
    groups: dict[tuple[Any, ...], tuple[set[Any], set[bytes | None]]] = {}
    for key, value, said in _without(columns, changed, told):
        values, numbers = groups.setdefault(key, (set(), set()))
        values.add(value)
        numbers.add(said)
    several = [numbers for values, numbers in groups.values() if len(values) > 1]
    return sum(len(numbers) == 1 and None not in numbers for numbers in several), len(several)


def _all_alike(columns: dict[str, list[Any]], changed: str, told: Sequence[bytes | None]) -> bool:
    """Whether all numbers are the same in each group that differs in `changed` alone; False if there is no such group.

    It ends at the first group that is not, which among many runs is soon.
    """
    groups: dict[tuple[Any, ...], tuple[Any, bytes | None, bool, bool]] = {}
    for key, value, said in _without(columns, changed, told):
        first, numbers, differs, alike = groups.get(key, (value, said, False, said is not None))
        differs, alike = differs or value != first, alike and said == numbers
        if differs and not alike:
            return False
        groups[key] = first, numbers, differs, alike
    return any(differs for _, _, differs, _ in groups.values())


def _without(
    columns: dict[str, list[Any]], changed: str, told: Sequence[bytes | None]
) -> Iterator[tuple[tuple[Any, ...], Any, bytes | None]]:
    """Yield for each run its values of all columns but `changed`, that of `changed`, and its numbers."""
    others = [column for name, column in columns.items() if name != changed]
    keys = zip(*others, strict=True) if others else repeat((), len(told))
    return zip(keys, columns[changed], told, strict=True)
