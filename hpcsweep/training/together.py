"""Runs that come to their `fit` together: those of one shape are trained as one stack, the others alone."""

from __future__ import annotations

from typing import Any

from hpcsweep.errors import UsageError
from hpcsweep.training.stack import Member, train_stack


def train_members(members: list[Member]) -> list[bool]:
    """Train what can be stacked of `members`; return for each whether it was, or shall train alone.

    Alone trains what cannot be stacked, what finds no partner of the same shape, epochs and start, and what diverged
    and begins again; `alone_because` says why.
    """
    groups: dict[Any, list[Member]] = {}
    for member in members:
        groups.setdefault(member.kind, []).append(member)
    stacked = {id(member) for group in groups.values() if _train_group(group) for member in group}
    return [id(member) in stacked and member.diverged_at is None for member in members]


def _train_group(group: list[Member]) -> bool:
    if len(group) == 1 and group[0].saved is None:
        group[0].alone_because = "no other run of this shape was there to be stacked with"
        return False
    try:
        train_stack(group)
    except UsageError as error:
        for member in group:
            member.alone_because = str(error)
        return False
    return True
