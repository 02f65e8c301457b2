"""The search of a sweep with [suggest]: what is varied, and the runs of the rounds of points that are decided.

Which points a round has is asked from a library, once, and written down in the store. From there on they are points
like those that a sweep file lists, so the runs of such a sweep are a function of its file and its store. Nothing is
asked or written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Optional

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json, sha256_hex
from hpcsweep.metrics import Direction
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.runs import Naming, Run, Trajectory, run_id, trajectory_id, without_defaults
from hpcsweep.sweep.value_types import Value

Point = Mapping[str, Value]
Decided = Callable[[str], Optional[Mapping[str, Any]]]
"""What a store has decided under a key, None if nothing is."""


@dataclass(frozen=True)
class Searched:
    """A parameter that is searched: one of `choices` if there are any; otherwise from `low` to `high`, both included.

    `log`: in the logarithm. `whole`: whole numbers, which are floats if the job takes no others (`as_float`).
    """

    choices: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    as_float: bool = True

    def is_of(self, value: Any) -> bool:
        """Whether a value is one of the choices, or a number if there are none."""
        if not self.choices:
            return type(value) in (int, float)
        return canonical_json(value) in map(canonical_json, self.choices)  # a choice may be a list


@dataclass(frozen=True)
class Other:
    """What the file says beside [suggest]: one setting of all other parameters, which is searched by itself.

    `epochs` rise; they are none if the job shares no epochs.
    """

    params: Mapping[str, Value]
    epochs: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Round:
    """Points that were asked for together, and the trajectories of each: one per seed."""

    points: tuple[Point, ...]
    trajectories: tuple[tuple[Trajectory, ...], ...]


@dataclass(frozen=True)
class Rounds:
    """What is decided of the search beside one `other`; `key` names the next decision, None if it was the last one."""

    other: Other
    decided: tuple[Round, ...]
    key: str | None
    left: int

    @property
    def points(self) -> int:
        """How many points were suggested."""
        return sum(len(one.points) for one in self.decided)

    @property
    def to_come(self) -> int:
        """How many trajectories the points take that are not asked for yet, at most."""
        return self.left * len(self.other.seeds)

    @property
    def trajectories(self) -> list[Trajectory]:
        """Those of all points."""
        return [one for done in self.decided for several in done.trajectories for one in several]


@dataclass(frozen=True)
class Search:
    """The section [suggest] with the `direction` in which its metric is better, and all that its runs depend on."""

    metric: str
    direction: Direction
    sampler: str
    seed: int
    trials: int
    per_round: int
    space: Mapping[str, Searched]
    naming: Naming
    others: tuple[Other, ...]

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> Search:
        """Return the search that a manifest holds."""
        naming = section["naming"]
        return cls(
            **{
                **section,
                "space": {
                    name: Searched(**{**one, "choices": tuple(one["choices"])})
                    for name, one in section["space"].items()
                },
                "naming": Naming(**{**naming, "names": tuple(naming["names"])}),
                "others": tuple(
                    Other(one["params"], tuple(one["epochs"]), tuple(one["seeds"])) for one in section["others"]
                ),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a manifest holds of it."""
        return asdict(self)

    def rounds(self, decided: Decided) -> list[Rounds]:
        """Return what is decided beside each of the `others`. StoreError if a decision is damaged."""
        return [self._beside(other, decided) for other in self.others]

    def trajectories(self, decided: Decided) -> list[Trajectory]:
        """Return those of all rounds that are decided."""
        return [one for rounds in self.rounds(decided) for one in rounds.trajectories]

    def runs(self, decided: Decided) -> list[Run]:
        """Return the runs of all rounds that are decided."""
        return [run for one in self.trajectories(decided) for run in one.runs]

    @property
    def most_runs(self) -> int:
        """How many runs there are at most, when all is decided."""
        return self.trials * sum(len(other.seeds) * max(len(other.epochs), 1) for other in self.others)

    def _beside(self, other: Other, decided: Decided) -> Rounds:
        """Return the rounds beside `other`; one without points says that nothing new was suggested."""
        found: list[Round] = []
        left = self.trials
        while left > 0:
            key = self._key(other, found)
            decision = decided(key)
            if decision is None:
                return Rounds(other, tuple(found), key, left)
            points = self._points(decision)[:left]
            if not points:
                break
            found.append(Round(points, tuple(tuple(self._trajectories(point, other)) for point in points)))
            left -= len(points)
        return Rounds(other, tuple(found), None, 0)

    def _key(self, other: Other, before: Sequence[Round]) -> str:
        """Return what names a decision: all on which its points depend, beside the numbers of the runs before."""
        rules = ("metric", "direction", "sampler", "seed")
        ids = [one.id for done in before for several in done.trajectories for one in several]
        about = {
            **{name: getattr(self, name) for name in rules},
            "space": {name: asdict(one) for name, one in self.space.items()},
            "job": self.naming.job,
            "rules": dict(self.naming.rules),
            "other": asdict(other),
            "after": sha256_hex("".join(ids).encode()),
        }
        return "suggest " + canonical_json(about)

    def _points(self, decision: Mapping[str, Any]) -> tuple[Point, ...]:
        points = decision.get("points")
        if not isinstance(points, list) or not all(map(self._is_point, points)):
            raise StoreError(
                f"a decision of [suggest] is damaged: found points {canonical_json(points)[:80]}, expected values of "
                f"{', '.join(self.space)}; delete its file in the store's folder decisions/"
            )
        return tuple(points)

    def _is_point(self, found: Any) -> bool:
        return (
            isinstance(found, dict)
            and found.keys() == self.space.keys()
            and all(self.space[name].is_of(value) for name, value in found.items())
        )

    def _trajectories(self, point: Point, other: Other) -> Iterator[Trajectory]:
        params = {**other.params, **point}
        for seed in other.seeds:
            points = [{**params, EPOCHS: epochs} for epochs in other.epochs] or [params]
            yield Trajectory(tuple(self._run(one, seed) for one in points), self.naming.shares_epochs)

    def _run(self, params: Point, seed: int) -> Run:
        naming = self.naming
        own = without_defaults(params, naming.defaults)
        shared = {name: value for name, value in own.items() if name != EPOCHS or not naming.shares_epochs}
        return Run(
            run_id(naming.job, seed, own, naming.rules),
            trajectory_id(naming.job, seed, shared, naming.rules),
            seed,
            naming.names,
            tuple(params[name] for name in naming.names),
        )


def others_of(runs: Sequence[Run], shares_epochs: bool) -> tuple[Other, ...]:
    """Return the settings of runs that lack the searched parameters, in the order of the first run of each."""
    groups: dict[str, tuple[dict[str, Value], dict[int, None], dict[int, None]]] = {}
    for run in runs:
        params = run.params
        epochs = params.pop(EPOCHS) if shares_epochs else None
        _, all_epochs, seeds = groups.setdefault(canonical_json(params), (params, {}, {}))
        seeds[run.seed] = None
        if isinstance(epochs, int):
            all_epochs[epochs] = None
    return tuple(Other(params, tuple(sorted(epochs)), tuple(seeds)) for params, epochs, seeds in groups.values())
