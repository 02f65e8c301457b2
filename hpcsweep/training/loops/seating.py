"""Runs that come to their `fit` together: those of one shape are trained as one stack, the others alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hpcsweep.errors import UsageError
from hpcsweep.machine import zip_equal
from hpcsweep.training.engines.stacking import Verdict, judge_stack
from hpcsweep.training.loops.member import NO_SEAT, Member, Seat
from hpcsweep.training.loops.stack import compiled_stack, train_stack


def train_members(members: list[Member]) -> list[bool]:
    """Train what can be stacked of `members`; return for each whether it was, or shall train alone.

    Alone trains what cannot be stacked, what finds no partner of the same shape, epochs and start, and what diverged
    and begins again; `alone_because` says why.
    """
    stacked = {id(member) for stack in _stacks(members) if _train(stack) for member in stack}
    return [id(member) in stacked and member.diverged_at is None for member in members]


def _stacks(members: list[Member]) -> list[list[Member]]:
    """Return which members train together: of one shape, come equally far, in different seats of stacks of one size."""
    for group in _groups(members, lambda member: member.shape):
        _give_seats(group)
    stacks: list[list[Member]] = []
    for group in _groups(members, lambda member: (member.shape, member.reached, member.seat.stack_members)):
        alike: list[list[Member]] = []
        for member in group:
            home = next((stack for stack in alike if all(member.seat != mate.seat for mate in stack)), None)
            if home is None:
                alike.append(home := [])
            home.append(member)
        stacks += alike
    return stacks


def _give_seats(members: list[Member]) -> None:
    """Seat those of one shape that have no seat: where they fill the stack of the others, for then a kill came while
    the first checkpoints were made, else in a stack of their own."""
    size = max((member.seat.stack_members for member in members), default=0)
    taken = {member.seat.number for member in members if member.seat.stack_members == size}
    seatless = [member for member in members if member.seat == NO_SEAT]
    free = [index for index in range(size) if index not in taken]
    if len(free) != len(seatless):
        free, size = list(range(len(seatless))), len(seatless)
    for member, index in zip_equal(seatless, free):
        member.seat = Seat(index, size)


def _groups(members: list[Member], key: Callable[[Member], Any]) -> list[list[Member]]:
    groups: dict[Any, list[Member]] = {}
    for member in members:
        groups.setdefault(key(member), []).append(member)
    return list(groups.values())


def _train(stack: list[Member]) -> bool:
    first = stack[0]
    if first.saved is None and first.seat == Seat(0, 1):
        first.alone_because = "no other run of this shape was there to be stacked with"
        return False
    try:
        judged = _judged(stack)
        if judged.pays:
            train_stack(stack, judged.reason)
            return True
        why = judged.reason
    except UsageError as error:
        why = str(error)
    for member in stack:
        member.alone_because = why
    return False


def _judged(stack: list[Member]) -> Verdict:
    first = stack[0]
    if first.saved is not None:
        return Verdict(True, "the engine of the checkpoint that this run goes on from")
    if not first.must_gain:
        return Verdict(True, "asked for")
    return judge_stack(first.run, first.setup, len(stack), lambda: compiled_stack(first))
