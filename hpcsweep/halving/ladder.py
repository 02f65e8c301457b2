"""The rungs of a sweep in a store: what is decided, and, where enough runs have ended, the next decision.

A decision is a file of the store that is written once, with the numbers from which it was made; whoever finds a rung
complete writes it, and all others follow it. In rounds it depends on the sweep file and the numbers alone, so any
worker would decide the same.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from hpcsweep.halving.decisions import Decision, Decisions, numbers_in, told
from hpcsweep.halving.readings import Readings, Values
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.standing import AnyTrajectory, Standing, setting_of
from hpcsweep.store import Store


class Ladder:
    """All trajectories of a sweep with [halving], by their settings."""

    def __init__(self, store: Store, rules: Rules, trajectories: Sequence[AnyTrajectory]) -> None:
        self.rules = rules
        self.settings = defaultdict[str, list[AnyTrajectory]](list)
        for one in trajectories:
            self.settings[setting_of(one)].append(one)
        self.readings = Readings(store, rules, self.settings)
        self._decisions = Decisions(store, rules, self.settings)

    def look(self, *, decide: bool = False) -> Standing:
        """Return what is decided so far; with `decide`, decide first what can be.

        Raises JobError if a run has ended without the metric.
        """
        climb = self._in_rounds if self.rules.order == "rounds" else self._as_ready
        climbed, settled = climb(decide)
        stopped = {one: rung for rung in range(settled) for one in climbed[rung] if one not in climbed[rung + 1]}
        highest = {one: rung for rung, there in enumerate(climbed) for one in there}
        over = settled == self.rules.last
        audited = self._audited(sorted(stopped), decide) if over else None
        if audited is None and self.rules.audit:  # whoever was stopped may yet be drawn
            return Standing(highest, {}, frozenset(), over=False)
        drawn = audited or []
        return Standing({**highest, **dict.fromkeys(drawn, self.rules.last)}, stopped, frozenset(drawn), over)

    def _in_rounds(self, decide: bool) -> tuple[list[list[str]], int]:
        """Return the settings at each rung, and from how many rungs nobody else will go on."""
        climbed = [sorted(self.settings)]
        for rung in range(self.rules.last):
            choose = partial(self._best, rung, climbed[-1])
            decision = self._decisions.about(f"rung {rung}", climbed[-1], choose, decide=decide)
            if decision is None:
                return climbed, rung
            climbed.append(decision["go_on"])
        return climbed, self.rules.last

    def _best(self, rung: int, there: Sequence[str]) -> Decision | None:
        """Return the best of a rung, None as long as one of its runs has not ended."""
        if len(self.readings.ended(rung, there)) < len(there):
            return None
        measured = self.readings.measured(rung, there)
        ranked = self.rules.ranked(measured)
        return {**told(measured), "ranked": ranked, "go_on": ranked[: self.rules.go_on(rung, len(there))]}

    def _as_ready(self, decide: bool) -> tuple[list[list[str]], int]:
        """Return the same where settings go on one by one, as soon as they are among the best of those that ended.

        Of a setting's numbers, a decision holds those alone that the ones before it at the rung do not: however many
        decisions there are, each number is written down once.
        """
        climbed, settled = [sorted(self.settings)], 0
        for rung in range(self.rules.last):
            there, gone, numbers = climbed[-1], dict[str, None](), Values()
            choose = partial(self._next, rung, there, gone, numbers, all_have_come=settled == rung)
            while decision := self._decisions.about_next(
                f"rung {rung}, after {len(gone)}", gone, choose, decide=decide
            ):
                gone |= dict.fromkeys(decision["go_on"])
                numbers |= numbers_in(decision)
            settled += settled == rung and len(self.readings.ended(rung, there)) == len(there) and choose() is None
            climbed.append(list(gone))
        return climbed, settled

    def _next(
        self, rung: int, there: Sequence[str], gone: dict[str, None], numbers: Values, *, all_have_come: bool
    ) -> Decision | None:
        """Return the best that is among the best part of those that have ended, and has not gone on."""
        new = self.readings.measured(rung, [one for one in self.readings.ended(rung, there) if one not in numbers])
        ranked = self.rules.ranked({**numbers, **new})
        at_least_some = all_have_come and len(ranked) == len(there)
        wanted = self.rules.go_on(rung, len(ranked)) if at_least_some else self.rules.part(len(ranked))
        left = [one for one in ranked[:wanted] if one not in gone]
        return {**told(new), "ended": len(ranked), "go_on": left[:1]} if left else None

    def _audited(self, stopped: Sequence[str], decide: bool) -> list[str] | None:
        """Return the stopped settings that are trained to the end, drawn as their ids say; None if that is open."""
        if not self.rules.audit:
            return []

        def draw() -> Decision:
            drawn = random.Random("".join(stopped)).sample(stopped, min(self.rules.audit, len(stopped)))
            return {"go_on": sorted(drawn)}

        decision = self._decisions.about("audit", stopped, draw, decide=decide)
        return decision["go_on"] if decision else None
