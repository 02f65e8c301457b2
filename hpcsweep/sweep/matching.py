"""Which points a table of a sweep file means, such as an [[exclude]]: those that match all its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpcsweep.files import canonical_json
from hpcsweep.sweep.choices import SEED
from hpcsweep.sweep.value_types import Value


@dataclass(frozen=True)
class Condition:
    """Values that parameters, by their positions, must have, each with its text; and a seed, if one is named."""

    wanted: tuple[tuple[int, Value, str], ...]
    seed: Value = None

    def meets(self, values: tuple[Value, ...], seed: int) -> bool:
        """Return whether the point has all values."""
        # compared as text too, since 1 == True in Python, but not in a sweep
        return (self.seed is None or self.seed == seed) and all(
            values[at] == value and canonical_json(values[at]) == text for at, value, text in self.wanted
        )


def condition(names: Sequence[str], table: Mapping[str, Value]) -> Condition:
    """Return what `table` asks of points of the parameters `names`."""
    wanted = [(names.index(name), value, canonical_json(value)) for name, value in table.items() if name != SEED]
    return Condition(tuple(wanted), table.get(SEED))


class Excluder:
    """Drops the points that one of the [[exclude]] tables means, and counts how many each matched."""

    def __init__(self, names: tuple[str, ...], excludes: Sequence[Mapping[str, Value]]) -> None:
        self._conditions = [condition(names, exclude) for exclude in excludes]
        self._matched = [0] * len(excludes)

    def keeps(self, values: tuple[Value, ...], seed: int) -> bool:
        """Return whether no exclude matches the point."""
        kept = True
        for number, one in enumerate(self._conditions):
            if one.meets(values, seed):
                self._matched[number] += 1
                kept = False
        return kept

    def notes(self) -> list[str]:
        """Return a warning for each exclude that matched nothing."""
        return [
            f"exclude #{number} matches no run: it has no effect"
            for number, matched in enumerate(self._matched, 1)
            if not matched
        ]
