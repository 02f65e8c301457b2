"""Runs and trajectories: the points of a sweep, named by what they mean.

A run's id is the SHA-256 of the canonical JSON of {"job", "params", "seed"}. Parameters at their default are left out,
so a new parameter with a default keeps all old ids. If the sweep file has a rule that changes what a run comes to
([stop], [on_divergence]), it is part of the meaning too, under its own name. The trajectory's id is that of the same
object without `epochs` (if the job shares epochs) and with "trajectory": true.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import chain, product
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from hpcsweep.files import canonical_json
from hpcsweep.machine import zip_equal
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.value_types import Value

if TYPE_CHECKING:  # workers know runs, not how spaces are written
    from hpcsweep.sweep.space import Block

SHORT_ID_LENGTH = 12


def short_id(full: str) -> str:
    """Return the beginning of an id or of another SHA-256, as it is shown to people."""
    return full[:SHORT_ID_LENGTH]


def epochs_of(params: Mapping[str, Any]) -> int | None:
    """Return the number of epochs that a run's parameters ask for, None if its job takes no such parameter."""
    epochs = params.get(EPOCHS)
    return epochs if isinstance(epochs, int) else None


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector while many runs are made: it finds nothing, and takes 40 % of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Run(NamedTuple):
    """One point of a sweep. `names` and `values` are all parameters of the job, in its order; `names` is shared.

    A named tuple, since a frozen dataclass takes more than twice as long to make, and a sweep may have a million.
    """

    id: str
    trajectory: str
    seed: int
    names: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def params(self) -> dict[str, Value]:
        """All parameters of the job, including those at their default."""
        return dict(zip_equal(self.names, self.values))


class Trajectory(NamedTuple):
    """One training from a fresh model: its runs in increasing `epochs`, or a single run if the job shares no epochs."""

    runs: tuple[Run, ...]
    shares_epochs: bool

    @property
    def id(self) -> str:
        """64 hexadecimal digits."""
        return self.runs[0].trajectory

    @property
    def seed(self) -> int:
        """The seed of all its runs."""
        return self.runs[0].seed

    @property
    def params(self) -> dict[str, Value]:
        """What all its runs have in common: their parameters, without `epochs` if the job shares epochs."""
        params = self.runs[0].params
        if self.shares_epochs:
            del params[EPOCHS]
        return params

    @property
    def epochs(self) -> tuple[int | None, ...]:
        """The `epochs` of each run, increasing; (None,) if the job shares no epochs."""
        if not self.shares_epochs:
            return (None,)
        at = self.runs[0].names.index(EPOCHS)
        return tuple(run.values[at] for run in self.runs)  # type: ignore[misc]  # the schema says int


@dataclass(frozen=True)
class Naming:
    """What ids depend on besides the point: the job's reference, its parameters in order, their defaults, the rules."""

    job: str
    names: tuple[str, ...]
    defaults: Mapping[str, Value]
    shares_epochs: bool
    rules: Mapping[str, Any] = field(default_factory=dict)


def without(naming: Naming, names: Iterable[str]) -> Naming:
    """Return it for points that lack some parameters."""
    some = set(names)
    return replace(
        naming,
        names=tuple(name for name in naming.names if name not in some),
        defaults={name: value for name, value in naming.defaults.items() if name not in some},
    )


def run_id(
    job: str, seed: int, params_without_defaults: Mapping[str, Value], rules: Mapping[str, Any] | None = None
) -> str:
    """Return the id of a run of `job` (its reference) from the parameters that are not at their default."""
    return _hash({"job": job, "params": dict(params_without_defaults), "seed": seed, **(rules or {})})


def trajectory_id(
    job: str, seed: int, params_without_defaults: Mapping[str, Value], rules: Mapping[str, Any] | None = None
) -> str:
    """Return the id of a trajectory; leave `epochs` out of the parameters if the job shares epochs."""
    meaning = {"job": job, "params": dict(params_without_defaults), "seed": seed, "trajectory": True}
    return _hash({**meaning, **(rules or {})})


def without_defaults(params: Mapping[str, Value], defaults: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters that differ from their default; 1, 1.0 and true differ."""
    return {
        name: value
        for name, value in params.items()
        if name not in defaults or canonical_json(value) != canonical_json(defaults[name])
    }


def _hash(meaning: Any) -> str:
    return sha256(canonical_json(meaning).encode()).hexdigest()


Keep = Callable[[tuple[Value, ...], int], bool]


def make_runs(naming: Naming, block: Block, seeds: Sequence[int], keep: Keep | None = None) -> Iterator[Run]:
    """Yield the runs of `block` in the order of its points, the seed changing fastest.

    `keep(values, seed)` drops points before they are named. The ids are those of `run_id` and `trajectory_id`: the
    canonical JSON is put together from one piece of text per value, which is what makes a million runs quick.
    """
    before, after = _rule_texts(naming.rules)
    head = f'{{"job":{canonical_json(naming.job)},{before}"params":{{'
    run_order, trajectory_order = _text_orders(naming, block.names)
    pick_values = _picker([block.names.index(name) for name in naming.names])
    run_tails = [(seed, f'}},"seed":{seed}{after}}}') for seed in seeds]
    pick_run, pick_trajectory = _picker(run_order), _picker(trajectory_order)
    for point, texts in zip_equal(_points(block), _texts(block, naming.defaults)):
        values = pick_values(point)
        run_text = head + "".join(pick_run(texts))[:-1]  # less the last comma
        trajectory_text = head + "".join(pick_trajectory(texts))[:-1]
        for seed, tail in run_tails:
            if keep is None or keep(values, seed):
                yield Run(
                    sha256((run_text + tail).encode()).hexdigest(),
                    sha256((trajectory_text + tail[:-1] + ',"trajectory":true}').encode()).hexdigest(),
                    seed,
                    naming.names,
                    values,
                )


def _rule_texts(rules: Mapping[str, Any]) -> tuple[str, str]:
    """Return the rules as JSON pieces: those that sort between "job" and "params", and those after "seed"."""
    pieces = {name: f"{canonical_json(name)}:{canonical_json(rule)}" for name, rule in sorted(rules.items())}
    before = "".join(f"{piece}," for name, piece in pieces.items() if "job" < name < "params")
    after = "".join(f",{piece}" for name, piece in pieces.items() if "seed" < name < "trajectory")
    return before, after


def _text_orders(naming: Naming, block_names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Return the positions of a block's parameters in sorted order: for a run, and for its trajectory."""
    order = sorted(range(len(block_names)), key=block_names.__getitem__)
    if not naming.shares_epochs:
        return order, order
    return order, [at for at in order if block_names[at] != EPOCHS]


def _points(block: Block) -> Iterator[tuple[Value, ...]]:
    return _combinations([axis.rows for axis in block.axes])


def _texts(block: Block, defaults: Mapping[str, Value]) -> Iterator[tuple[str, ...]]:
    """Yield for each point one piece of JSON per parameter, `"layers":2,`, empty for one at its default."""
    default_texts = {name: canonical_json(value) for name, value in defaults.items()}

    def piece(name: str, value: Value) -> str:
        text = canonical_json(value)
        return "" if default_texts.get(name) == text else f"{canonical_json(name)}:{text},"

    return _combinations(
        [[tuple(piece(*pair) for pair in zip_equal(axis.names, row)) for row in axis.rows] for axis in block.axes]
    )


def _combinations(axes: Sequence[Sequence[tuple[Any, ...]]]) -> Iterator[tuple[Any, ...]]:
    """Return all combinations of one row per axis, their items in one flat tuple."""
    if all(len(row) == 1 for rows in axes for row in rows):
        return product(*([row[0] for row in rows] for rows in axes))
    return map(tuple, map(chain.from_iterable, product(*axes)))


def _picker(positions: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return a function that picks the items at `positions` of a tuple, always as a tuple."""
    if not positions:
        return lambda items: ()
    if len(positions) == 1:
        return itemgetter(slice(positions[0], positions[0] + 1))
    return itemgetter(*positions)


def group_trajectories(runs: Sequence[Run], shares_epochs: bool = True) -> list[Trajectory]:
    """Return the trajectories of distinct `runs`, in the order of their first run; `shares_epochs` is the job's."""
    if not (shares_epochs and runs and EPOCHS in runs[0].names):
        return [Trajectory((run,), False) for run in runs]
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.trajectory, []).append(run)
    return [Trajectory(_by_epochs(group), True) for group in groups.values()]


def _by_epochs(group: list[Run]) -> tuple[Run, ...]:
    at = group[0].names.index(EPOCHS)
    return tuple(sorted(group, key=lambda run: run.values[at]))  # type: ignore[arg-type,return-value]  # ints
