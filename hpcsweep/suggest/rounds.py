"""The rounds of a sweep with [suggest] in a store: what is decided, and, where a round has ended, the next one.

A round is a file of the store that is written once, with the numbers and the release of the library that it was made
from. Whoever finds the round before it complete writes it, and all others follow it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hpcsweep.store import MADE_FROM, Store
from hpcsweep.suggest.library import Tried, ask, require_library, versions
from hpcsweep.suggest.one_round import RoundInStore
from hpcsweep.sweep.runs import Trajectory
from hpcsweep.sweep.search import Rounds, Search


class Decider:
    """The rounds of one search in one store; each result is opened once. `halving` is the section, None without it."""

    def __init__(self, store: Store, search: Search, halving: Mapping[str, Any] | None = None) -> None:
        self._store, self._search, self._halving = store, search, halving
        self._known: dict[str, RoundInStore] = {}

    def decide(self) -> list[Rounds]:
        """Decide every round that can be, and return what is decided then.

        Raises JobError if a run has ended without the metric, MissingPackageError if the library will have to be asked
        and is not there: before anything is trained for which it is needed.
        """
        rounds = self.rounds()
        if any(one.key for one in rounds):
            require_library()
        while [True for one in rounds if self._decide_next(one)]:
            rounds = self.rounds()
        return rounds

    def rounds(self) -> list[Rounds]:
        """Return what is decided."""
        return self._search.rounds(self._store.decided)

    def admitted(self, *, decide: bool = False) -> list[Trajectory]:
        """Return all trajectories with the runs that may be trained; with `decide`, after what can be decided is."""
        rounds = self.decide() if decide else self.rounds()
        return [one for some in rounds for asked in self.in_store(some) for one in asked.admitted(decide=decide)]

    def in_store(self, rounds: Rounds) -> Iterator[RoundInStore]:
        """Yield the rounds that are decided, one by one."""
        for asked in rounds.decided:
            key = asked.trajectories[0][0].id
            if key not in self._known:
                self._known[key] = RoundInStore(self._store, self._search, self._halving, rounds.other, asked)
            yield self._known[key]

    def _decide_next(self, rounds: Rounds) -> bool:
        """Decide the round after those that are decided; False if there is none, or one of its runs has not ended."""
        if rounds.key is None:
            return False
        came_to = [asked.tried(decide=True) for asked in self.in_store(rounds)]
        tried = [one for several in came_to if several is not None for one in several]
        if len(tried) < rounds.points:
            return False
        self._store.decide(rounds.key, lambda: self._asked(rounds, tried))
        return True

    def _asked(self, rounds: Rounds, tried: list[Tried]) -> dict[str, Any]:
        count = min(self._search.per_round, rounds.left)
        return {
            "points": ask(self._search, tried, count, len(rounds.decided)),
            "tried": [one.to_json() for one in tried],
            "library": versions(),
            MADE_FROM: [one.id for one in rounds.trajectories],
        }
