"""One round in a store: how far each of its points may be trained, and what they came to.

With [halving], the points of a round are the settings of a ladder of their own: they go from rung to rung by their
ranks among each other, and the round has ended when nobody is left who goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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

    def tried(self, *, decide: bool) -> Iterator[Tried | None]:
        """Yield what each point came to; None for one of which a run has not ended, or that may yet go on."""
        standing = self._standing(decide=decide)
        for point, trajectories in zip(self._asked.points, self._asked.trajectories):
            setting, last = setting_of(trajectories[0]), len(self._epochs) - 1
            reached = standing.highest[setting] if standing else last
            over = standing is None or standing.over or setting in standing.stopped
            yield self._came_to(point, setting, reached) if over else None

    def _standing(self, *, decide: bool) -> Standing | None:
        return self.ladder.look(decide=decide) if self.ladder else None

    def _came_to(self, point: Point, setting: str, reached: int) -> Tried | None:
        if not self._readings.ended(reached, [setting]):
            return None
        rungs = range(reached + 1) if self.ladder else (reached,)
        runs = {rung: self._readings.measured(rung, [setting])[setting] for rung in rungs}
        if lost := [one.lost for several in runs.values() for one in several if one.lost]:
            return Tried(point, Outcome.LOST, {}, ", ".join(dict.fromkeys(lost)))
        means = {self._epochs[rung]: _mean(several) for rung, several in runs.items()}
        return Tried(point, Outcome.DONE if reached == len(self._epochs) - 1 else Outcome.STOPPED, means)


def _mean(runs: Sequence[Measured]) -> float:
    return math.fsum(one.value for one in runs if one.value is not None) / len(runs)
