"""One round in a store: how far each of its points may be trained, and what they came to.

With [halving], the points of a round are the settings of a ladder of their own: they go from rung to rung by their
ranks among each other, and the round has ended when nobody is left who goes on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.readings import Readings
from hpcsweep.halving.rules import Measured, Rules
from hpcsweep.halving.standing import Standing, setting_of
from hpcsweep.store import Store
from hpcsweep.suggest.library import Outcome, Tried
from hpcsweep.sweep.runs import Trajectory
from hpcsweep.sweep.search import Other, Point, Round, Search


class RoundInStore:
    """The points of one round, beside one `other`; `halving` is the section of that name, None without it."""

    def __init__(
        self, store: Store, search: Search, halving: Mapping[str, Any] | None, other: Other, asked: Round
    ) -> None:
        self._asked = asked
        self._epochs = other.epochs or (0,)
        self.last = len(self._epochs) - 1
        self.trajectories = [one for several in asked.trajectories for one in several]
        self.ladder = Ladder(store, Rules.of(halving), self.trajectories) if halving else None
        settings = {setting_of(several[0]): several for several in asked.trajectories}
        rules = Rules(search.metric, search.direction, self._epochs)
        self._readings = self.ladder.readings if self.ladder else Readings(store, rules, settings, "suggest")

    def admitted(self, *, decide: bool) -> list[Trajectory]:
        """Return the trajectories with the runs that may be trained; with `decide`, after what can be decided is."""
        standing = self._standing(decide=decide)
        if standing is None:
            return self.trajectories
        return [one._replace(runs=one.runs[: standing.admitted(one)]) for one in self.trajectories]

    def ended(self, *, decide: bool = False) -> list[int | None]:
        """Return the rung at which each point has ended, 0 if there is one only; None where a run has not ended yet."""
        standing = self._standing(decide=decide)
        found: list[int | None] = []
        for several in self._asked.trajectories:
            setting = setting_of(several[0])
            reached = standing.highest[setting] if standing else self.last
            over = standing is None or standing.over or setting in standing.stopped
            found.append(reached if over and self._readings.ended(reached, [setting]) else None)
        return found

    def tried(self, *, decide: bool) -> list[Tried] | None:
        """Return what the points came to; None if one of them has not ended yet."""
        ended = [rung for rung in self.ended(decide=decide) if rung is not None]
        if len(ended) < len(self._asked.points):
            return None
        settings = [setting_of(several[0]) for several in self._asked.trajectories]
        return [self._came_to(*each) for each in zip(self._asked.points, settings, ended)]

    def _standing(self, *, decide: bool) -> Standing | None:
        return self.ladder.look(decide=decide) if self.ladder else None

    def _came_to(self, point: Point, setting: str, reached: int) -> Tried:
        rungs = range(reached + 1) if self.ladder else (reached,)
        runs = {rung: self._readings.measured(rung, [setting])[setting] for rung in rungs}
        if lost := [one.lost for several in runs.values() for one in several if one.lost]:
            return Tried(point, Outcome.LOST, {}, ", ".join(dict.fromkeys(lost)))
        means = {self._epochs[rung]: _mean(several) for rung, several in runs.items()}
        return Tried(point, Outcome.DONE if reached == self.last else Outcome.STOPPED, means)


def _mean(runs: Sequence[Measured]) -> float:
    return math.fsum(one.value for one in runs if one.value is not None) / len(runs)
