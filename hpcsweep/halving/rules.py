"""How many settings go on from a rung, and which are better. Pure: nothing is read or written here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hpcsweep.files import canonical_json
from hpcsweep.metrics import Direction

LOST = -math.inf  # the score of a run that failed, diverged or learnt nothing


class Measured(NamedTuple):
    """The metric of a run at a rung, None if it has none; `lost` says why the run is ranked last, if it is."""

    value: float | None
    lost: str | None = None


@dataclass(frozen=True)
class Rules:
    """The section [halving] of a sweep, with the `direction` in which its metric is better."""

    metric: str
    direction: Direction
    epochs: tuple[int, ...]
    keep: float | None = None
    top: int | tuple[int, ...] | None = None
    at_least: int = 1
    by: str = "mean"
    order: str = "rounds"
    audit: int = 0

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> Rules:
        """Return the rules that a manifest holds."""
        top = section.get("top")
        listed = {"epochs": tuple(section["epochs"]), "top": tuple(top) if isinstance(top, list) else top}
        return cls(**{**section, **listed})

    @property
    def last(self) -> int:
        """The index of the last rung, from which nobody goes on."""
        return len(self.epochs) - 1

    def part(self, settings: int) -> int:
        """Return how many settings `keep` lets go on, rounded down."""
        return math.floor(settings * (self.keep or 0.0) + 1e-9)  # 0.1 x 30 is 3, not 2.9999999999999996

    def go_on(self, rung: int, settings: int) -> int:
        """Return how many of a rung's settings go on; all of them if there are fewer than asked for."""
        top = self.top[rung] if isinstance(self.top, tuple) else self.top
        return min(settings, max(self.part(settings) if top is None else top, self.at_least))

    def score(self, runs: Sequence[Measured]) -> tuple[float, ...]:
        """Return what ranks a setting, more is better, from each of its seeds.

        Where lost runs leave no mean or median, fewer of them are better, then the mean of what numbers there are.
        """
        average = statistics.median if self.by == "median" else statistics.mean
        score = average([LOST if one.lost else self._signed(one) for one in runs])
        if score > LOST:
            return (score,)
        known = [self._signed(one) for one in runs if one.value is not None]
        return LOST, -sum(bool(one.lost) for one in runs), statistics.mean(known) if known else LOST

    def ranked(self, measured: Mapping[str, Sequence[Measured]]) -> list[str]:
        """Return the ids of settings, the best first; ties in the order of their ids."""
        return sorted(sorted(measured), key=lambda setting: self.score(measured[setting]), reverse=True)

    def key(self, question: str, of: str) -> str:
        """Return what names a decision: everything on which it depends beside the numbers of the runs.

        `of` is the digest of the trajectories that it is about.
        """
        told = {name: value for name, value in vars(self).items() if name != "audit" or question == "audit"}
        return "halving " + canonical_json({"rules": told, "question": question, "trajectories": of})

    def _signed(self, run: Measured) -> float:
        return LOST if run.value is None else run.value if self.direction == "max" else -run.value
