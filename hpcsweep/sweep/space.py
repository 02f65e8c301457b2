"""From the sections of a sweep file to blocks of points. Pure: nothing is read, written or checked here.

A block is a product of axes over all parameters of the job, crossed with the seeds. A million points are a handful of
blocks, so counting them costs nothing, and naming them (runs.py) has little to do for each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hpcsweep.files import canonical_json
from hpcsweep.sweep.sampling import Draw, draw
from hpcsweep.sweep.value_types import Value


@dataclass(frozen=True)
class Space:
    """The sections of a sweep file, with every value as the job will get it.

    Every point starts from the base: the job's defaults, then `fixed`, then the first value of each list in `vary`.
    What all this gives is repeated for every combination of `across`.
    """

    fixed: Mapping[str, Value] = field(default_factory=dict)
    grid: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    zip: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    vary: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    cases: Sequence[Mapping[str, Value]] = ()
    across: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    excludes: Sequence[Mapping[str, Value]] = ()
    random: Mapping[str, Draw] = field(default_factory=dict)
    samples: int = 0
    sample_seed: int = 0
    suggest: Mapping[str, Draw] = field(default_factory=dict)
    seeds: Sequence[int] = (0,)

    @property
    def base(self) -> dict[str, Value]:
        """What all points start from, beside the job's defaults."""
        return {**self.fixed, **{name: values[0] for name, values in self.vary.items()}}

    @property
    def has_product(self) -> bool:
        """Whether the sweep has points of grid x zip x random: it has one of these sections, or no other points."""
        return bool(self.grid or self.zip or self.random) or not (self.vary or self.cases)


@dataclass(frozen=True)
class Axis:
    """Parameters that change together: each row holds one value per name; one name is the common case."""

    names: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Block:
    """All combinations of the axes' rows, the last axis changing fastest. No two axes share a name."""

    axes: tuple[Axis, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, axis by axis."""
        return tuple(name for axis in self.axes for name in axis.names)

    def __len__(self) -> int:
        return math.prod(len(axis.rows) for axis in self.axes)

    @property
    def is_distinct(self) -> bool:
        """Whether no point occurs twice: no axis has a row twice."""
        return all(len(set(map(canonical_json, axis.rows))) == len(axis.rows) for axis in self.axes)


def count_runs(space: Space) -> int:
    """Return how many runs `expand` would give, before excluding and merging; quick for any number."""
    points = 0
    if space.has_product:
        rows = len(next(iter(space.zip.values()))) if space.zip else 1
        grid = math.prod(len(values) for values in space.grid.values())
        points += grid * rows * (space.samples if space.random else 1)
    if space.vary:
        points += 1 + sum(len(values) - 1 for values in space.vary.values())
    copies = math.prod(len(values) for values in space.across.values())
    return (points + len(space.cases)) * copies * len(space.seeds)


def expand(space: Space, defaults: Mapping[str, Value]) -> Iterator[Block]:
    """Yield the blocks of (grid x zip x random), then those of vary, then one per case, with `defaults` filled in.

    In each, the lists of `across` are the slowest axes.
    A parameter that is given nowhere and has no default is in no block.
    """
    base = {**defaults, **space.base}
    across = [_axis(name, values) for name, values in space.across.items()]
    if space.has_product:
        yield _block(base, [*across, *_product(space)])
    if space.vary:
        yield _block(base, across)
        for name, values in space.vary.items():
            if len(values) > 1:
                yield _block(base, [*across, _axis(name, values[1:])])
    for case in space.cases:
        yield _block({**base, **case}, across)


def _product(space: Space) -> list[Axis]:
    axes = [_axis(name, values) for name, values in space.grid.items()]
    if space.zip:
        axes.append(_together(space.zip))
    if space.random:
        drawn = {name: draw(how, name, space.samples, space.sample_seed) for name, how in space.random.items()}
        axes.append(_together(drawn))
    return axes


def _axis(name: str, values: Sequence[Value]) -> Axis:
    return Axis((name,), tuple((value,) for value in values))


def _together(columns: Mapping[str, Sequence[Value]]) -> Axis:
    return Axis(tuple(columns), tuple(zip(*columns.values(), strict=True)))


def _block(constants: Mapping[str, Value], axes: Sequence[Axis]) -> Block:
    varied = {name for axis in axes for name in axis.names}
    fixed = [_axis(name, [value]) for name, value in constants.items() if name not in varied]
    return Block((*fixed, *axes))
