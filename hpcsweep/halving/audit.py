"""What stopped settings that were trained to the end all the same say of all that were stopped. Pure.

Each of them is judged by itself against those that halving kept. All stopped settings have the same chance to be drawn,
so their share among the audited is on average that among all stopped ones. (Ranked among each other as well, few
audited settings would take the places of many that were not audited, and the estimate would be too high.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import comb
from typing import NamedTuple

from hpcsweep.halving.rules import Measured, Rules

RARE = 0.025  # in each tail, for an interval of 95 %


class Audit(NamedTuple):
    """How many of the `audited` among `stopped` settings end better than the worst that was kept, and the best."""

    audited: int
    stopped: int
    than_worst: int
    than_best: int

    @property
    def estimate(self) -> float:
        """How many of all stopped settings would end better than the worst that was kept."""
        return self.than_worst / self.audited * self.stopped

    def interval(self) -> tuple[int, int]:
        """Return the fewest and the most stopped settings for which what was found is not rare: 95 %, exact."""
        possible = [missed for missed in range(self.stopped + 1) if self._tail(missed, self.than_worst) > RARE]
        return possible[0], possible[-1]

    def _tail(self, missed: int, found: int) -> float:
        """Return the smaller one of the chances to find at most and at least so many, if so many are missed."""
        draws = comb(self.stopped, self.audited)
        chances = [
            comb(missed, one) * comb(self.stopped - missed, self.audited - one) / draws
            for one in range(self.audited + 1)
        ]
        return min(sum(chances[: found + 1]), sum(chances[found:]))


def judged(
    rules: Rules,
    measured: Mapping[str, Sequence[Measured]],
    kept: Collection[str],
    audited: Collection[str],
    stopped: int,
) -> Audit:
    """Return what the last rung, `measured`, says of the `audited` of so many `stopped` settings."""
    ranked = rules.ranked({one: measured[one] for one in (*kept, *audited)})
    places = sorted(ranked.index(one) for one in kept)
    than = [sum(one in audited for one in ranked[:place]) for place in (places[-1], places[0])]
    return Audit(len(audited), stopped, *than)
