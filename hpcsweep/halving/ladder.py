"""The rungs of a sweep in a store: what is decided, and, where enough runs have ended, the next decision.

A decision is a file of the store that is written once, with the numbers from which it was made; whoever finds a rung
complete writes it, and all others follow it. In rounds it depends on the sweep file and the numbers alone, so any
worker would decide the same.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Optional

from hpcsweep.errors import JobError, nearest
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.standing import AnyTrajectory, Standing, setting_of
from hpcsweep.store import MADE_FROM, Store
from hpcsweep.store.states import COUNTED, FINISHED, RunState
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.runs import Run, short_id

_ENDED = (*FINISHED, RunState.FAILED)
Values = dict[str, list[Optional[float]]]
"""Of each setting, the metric of each of its seeds; None for a run that failed or diverged."""


class Ladder:
    """All trajectories of a sweep with [halving], by their settings."""

    def __init__(self, store: Store, rules: Rules, trajectories: Sequence[AnyTrajectory]) -> None:
        self._store, self.rules = store, rules
        self._read: dict[str, float | None] = {}
        self.settings = defaultdict[str, list[AnyTrajectory]](list)
        for one in trajectories:
            self.settings[setting_of(one)].append(one)

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
            decision = self._decision(f"rung {rung}", climbed[-1], choose, decide=decide)
            if decision is None:
                return climbed, rung
            climbed.append(decision["go_on"])
        return climbed, self.rules.last

    def _as_ready(self, decide: bool) -> tuple[list[list[str]], int]:
        """Return the same where settings go on one by one, as soon as they are among the best of those that ended."""
        climbed, settled = [sorted(self.settings)], 0
        for rung in range(self.rules.last):
            there, gone = climbed[-1], list[str]()
            choose = partial(self._next, rung, there, gone, all_have_come=settled == rung)
            while decision := self._decision(f"rung {rung}, after {len(gone)}", climbed[0], choose, decide=decide):
                gone += decision["go_on"]
            settled += settled == rung and len(self.ended(rung, there)) == len(there) and choose() is None
            climbed.append(gone)
        return climbed, settled

    def _best(self, rung: int, there: Sequence[str]) -> dict[str, Any] | None:
        """Return the best of a rung, None as long as one of its runs has not ended."""
        if len(self.ended(rung, there)) < len(there):
            return None
        return self._chosen(self.values(rung, there), self.rules.go_on(rung, len(there)))

    def _next(
        self, rung: int, there: Sequence[str], gone: Sequence[str], *, all_have_come: bool
    ) -> dict[str, Any] | None:
        """Return the best that is among the best part of those that have ended, and has not gone on."""
        values = self.values(rung, self.ended(rung, there))
        at_least_some = all_have_come and len(values) == len(there)
        wanted = self.rules.go_on(rung, len(values)) if at_least_some else self.rules.part(len(values))
        left = [one for one in self.rules.ranked(values)[:wanted] if one not in gone]
        return {**self._chosen(values, 0), "go_on": left[:1]} if left else None

    def _chosen(self, values: Values, go_on: int) -> dict[str, Any]:
        ranked = self.rules.ranked(values)
        return {"values": values, "ranked": ranked, "go_on": ranked[:go_on]}

    def _audited(self, stopped: Sequence[str], decide: bool) -> list[str] | None:
        """Return the stopped settings that are trained to the end, drawn as their ids say; None if that is open."""
        if not self.rules.audit:
            return []

        def draw() -> dict[str, Any]:
            drawn = random.Random("".join(stopped)).sample(stopped, min(self.rules.audit, len(stopped)))
            return {"go_on": sorted(drawn)}

        decision = self._decision("audit", stopped, draw, decide=decide)
        return decision["go_on"] if decision else None

    def _decision(
        self, question: str, settings: Sequence[str], choose: Callable[[], dict[str, Any] | None], *, decide: bool
    ) -> dict[str, Any] | None:
        """Return what the store says, else what is chosen now; None if it is open.

        It is about these trajectories: of the same settings with other seeds, or of another job, it says nothing.
        """
        trajectories = sorted(one.id for setting in settings for one in self.settings[setting])
        key = self.rules.key(question, trajectories)
        known = self._store.decided(key)
        chosen = choose() if known is None and decide else None
        return known if chosen is None else self._store.decide(key, lambda: {**chosen, MADE_FROM: trajectories})

    def ended(self, rung: int, settings: Sequence[str]) -> list[str]:
        """Return the settings all of whose runs at a rung have ended."""
        runs = {setting: [self._run(one, rung) for one in self.settings[setting]] for setting in settings}
        states = self._store.states([run for several in runs.values() for run in several])
        return [setting for setting, several in runs.items() if all(states.get(run.id) in _ENDED for run in several)]

    def values(self, rung: int, settings: Sequence[str]) -> Values:
        """Return the metric of settings that have ended a rung; each result is opened once."""
        return {setting: [self._value(self._run(one, rung)) for one in self.settings[setting]] for setting in settings}

    def _run(self, trajectory: AnyTrajectory, rung: int) -> Run:
        return Run(trajectory.runs[rung].id, trajectory.id, 0, (EPOCHS,), (self.rules.epochs[rung],))

    def _value(self, run: Run) -> float | None:
        if run.id not in self._read:
            state = self._store.states([run], outcomes=True)[run.id]
            if state not in COUNTED:
                return None
            self._read[run.id] = self._metric(run)
        return self._read[run.id]

    def _metric(self, run: Run) -> float | None:
        metrics = self._store.headline(run).metrics
        if self.rules.metric not in metrics:
            raise JobError(
                f"halving.metric: run {short_id(run.id)} has no {self.rules.metric}; expected one of "
                f"{', '.join(metrics)}{nearest(self.rules.metric, metrics)}"
            )
        value = metrics[self.rules.metric]
        return value if math.isfinite(value) else None
