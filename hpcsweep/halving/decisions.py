"""What is decided of a sweep with [halving]: files of the store, each written once, with what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import Any, Optional

from hpcsweep.errors import StoreError
from hpcsweep.files import sha256_hex
from hpcsweep.halving.readings import Values
from hpcsweep.halving.rules import Measured, Rules
from hpcsweep.halving.standing import AnyTrajectory
from hpcsweep.store import MADE_FROM, Store
from hpcsweep.store.decisions import damaged_decision

Decision = dict[str, Any]
Choose = Callable[[], Optional[Decision]]


class Decisions:
    """Those about these trajectories; of the same settings with other seeds or another job, they say nothing."""

    def __init__(self, store: Store, rules: Rules, settings: Mapping[str, Sequence[AnyTrajectory]]) -> None:
        self._store, self._rules, self._settings = store, rules, settings
        self._known: dict[str, Decision] = {}
        self._everyone: str | None = None

    def about(self, question: str, settings: Collection[str], choose: Choose, *, decide: bool) -> Decision | None:
        """Return what the store says, else, with `decide`, what is chosen now; None if it is open.

        StoreError if others than `settings` go on.
        """
        trajectories = self._trajectories(settings)
        known = self._made(question, _digest(trajectories), trajectories, choose, decide=decide)
        if known and not set(known["go_on"]).issubset(settings):
            raise self._damaged(question, _digest(trajectories))
        return known

    def about_next(self, question: str, gone: Container[str], choose: Choose, *, decide: bool) -> Decision | None:
        """Return the same for one of many decisions about all settings, whose trajectories are listed once for all.

        StoreError if somebody goes on who has `gone` before, or nobody.
        """
        if self._everyone is None:
            self._everyone = _digest(self._trajectories(self._settings))
        known = self._made(question, self._everyone, None, choose, decide=decide)
        if known and not (known["go_on"] and all(one in self._settings and one not in gone for one in known["go_on"])):
            raise self._damaged(question, self._everyone)
        return known

    def _made(
        self, question: str, of: str, trajectories: Sequence[str] | None, choose: Choose, *, decide: bool
    ) -> Decision | None:
        key = self._rules.key(question, of)
        if key not in self._known:
            known = self._store.decided(key)
            chosen = choose() if known is None and decide else None
            if chosen is not None:
                made_from = self._roster(of) if trajectories is None else trajectories
                known = self._store.decide(key, lambda: {**chosen, MADE_FROM: made_from})
            if known is None:
                return None
            if not self._is_sound(known):
                raise self._damaged(question, of)
            self._known[key] = known
        return self._known[key]

    def _is_sound(self, known: Decision) -> bool:
        """Whether settings go on, and each number is of one of them."""
        values, lost, go_on = known.get("values", {}), known.get("lost", {}), known.get("go_on")
        lists = isinstance(go_on, list) and all(isinstance(one, str) for one in go_on)
        of_settings = all(isinstance(one, dict) and one.keys() <= self._settings.keys() for one in (values, lost))
        return lists and of_settings and all(map(_are_numbers, values.values())) and all(map(_are_words, lost.values()))

    def _damaged(self, question: str, of: str) -> StoreError:
        key = self._rules.key(question, of)
        return damaged_decision(self._store.layout, key, "who goes on by it cannot be")

    def _roster(self, of: str) -> str:
        """Return the key of a decision that says no more than which trajectories there are."""
        key = self._rules.key("settings", of)
        self._store.decide(key, lambda: {MADE_FROM: self._trajectories(self._settings)})
        return key

    def _trajectories(self, settings: Iterable[str]) -> list[str]:
        return sorted(one.id for setting in settings for one in self._settings[setting])


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(one is None or type(one) in (int, float) for one in values)


def _are_words(values: Any) -> bool:
    return isinstance(values, list) and all(one is None or isinstance(one, str) for one in values)


def _digest(trajectories: Sequence[str]) -> str:
    return sha256_hex("".join(trajectories).encode())


def told(measured: Values) -> Decision:
    """Return numbers as a decision holds them; `lost` says which runs are ranked last, and why."""
    values = {setting: [one.value for one in runs] for setting, runs in measured.items()}
    lost = {setting: [one.lost for one in runs] for setting, runs in measured.items() if any(one.lost for one in runs)}
    return {"values": values, "lost": lost}


def numbers_in(decision: Decision) -> Values:
    """Return the numbers that a decision holds; those of earlier releases did not say which runs are lost."""
    lost = decision.get("lost", {})
    return {
        setting: [Measured(*one) for one in zip(values, lost.get(setting, [None] * len(values)))]
        for setting, values in decision["values"].items()
    }
