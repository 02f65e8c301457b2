"""Which nodes have the features that a `constraint` asks for; what is not understood is left to SLURM."""

from __future__ import annotations

import re
from collections.abc import Collection

_NAME = re.compile(r"[\w.:=+-]+")
_ELSE = re.compile(r"[^\w.:=+&|,()\[\]*-]")
_COUNT = re.compile(r"\*\d+")  # of nodes; a worker has one
_SEVERAL = re.compile(r"\[[^]]*\*")  # different nodes with different features


def may_have(constraint: str, features: Collection[str]) -> bool:
    """Whether a node with these features may be what a constraint asks for; True if the constraint is not understood.

    Releases differ in whether `&` binds more closely than `|`, so it is enough that one reading holds.
    """
    text = constraint.replace(" ", "")
    if _ELSE.search(text) or _SEVERAL.search(text):
        return True
    try:
        return any(_Reading(text, features, closely=closely).holds() for closely in (True, False))
    except ValueError:
        return True


class _Reading:
    """One reading of a constraint, for one node; ValueError if it is none."""

    def __init__(self, text: str, features: Collection[str], *, closely: bool) -> None:
        self._rest, self._features, self._closely = text, features, closely

    def holds(self) -> bool:
        found = self._any()
        if self._rest:
            raise ValueError(self._rest)
        return found

    def _take(self, letters: str) -> str:
        first = self._rest[:1]
        if not first or first not in letters:
            return ""
        self._rest = self._rest[1:]
        return first

    def _any(self) -> bool:
        found = self._all() if self._closely else self._one()
        while sign := self._take("|" if self._closely else "|&,"):
            other = self._all() if self._closely else self._one()
            found = found or other if sign == "|" else found and other
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._take("&,"):
            other = self._one()
            found = found and other
        return found

    def _one(self) -> bool:
        for opening, closing in ("()", "[]"):  # all nodes of a job have the same one of those in brackets
            if self._take(opening):
                found = self._any()
                if not self._take(closing):
                    raise ValueError(self._rest)
                return self._counted(found)
        name = _NAME.match(self._rest)
        if not name:
            raise ValueError(self._rest)
        self._rest = self._rest[name.end() :]
        return self._counted(name[0] in self._features)

    def _counted(self, found: bool) -> bool:
        count = _COUNT.match(self._rest)
        self._rest = self._rest[count.end() :] if count else self._rest
        return found
