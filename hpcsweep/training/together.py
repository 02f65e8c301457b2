"""Several calls of a job, brought together at their `fit` so that their nets can be trained as one stack.

Each call runs in a thread, but only one thread at a time: it runs until it reaches `fit`, waits there while the other
calls come to theirs, and goes on when its net is trained. So the jobs need not know, and the seeds of one call are
not disturbed by another's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from hpcsweep.errors import UsageError
from hpcsweep.training.stack import Member, train_stack

_seat: ContextVar[Seat | None] = ContextVar("seat", default=None)


class Seat:
    """One call on its way: running, waiting in `fit`, or at its end."""

    def __init__(self, call: Callable[[], Any]) -> None:
        """Prepare the thread; `run_until_it_waits` starts it."""
        self.member: Member | None = None
        self.trained = False
        self.returned: Any = None
        self.error: BaseException | None = None
        self._call = call
        self._thread: threading.Thread | None = None
        self._paused, self._go = threading.Event(), threading.Event()

    def run_until_it_waits(self) -> None:
        """Let the call go on until it waits in `fit` or ends."""
        self._paused.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        else:
            self._go.set()
        self._paused.wait()

    def wait(self, member: Member) -> bool:
        """Called by `fit`: wait until the others are there too; whether the member was trained meanwhile."""
        self.member = member
        self._paused.set()
        self._go.wait()
        return self.trained

    def _run(self) -> None:
        _seat.set(self)
        try:
            self.returned = self._call()
        except BaseException as error:  # kept for the caller, who raises or records it
            self.error = error
        finally:
            self._paused.set()


def seat() -> Seat | None:
    """Return the seat of the call that this thread runs, if it is one of several together."""
    return _seat.get()


def train_together(calls: Sequence[Callable[[], Any]]) -> list[Seat]:
    """Call all of `calls`, each of which seeds Keras and calls a job; nets of one shape are trained as one stack.

    Returns a seat a call, with what it `returned` or the `error` it raised. Calls whose net cannot be stacked, or that
    find no partner of the same shape, epochs and start, train alone, one after another.
    """
    seats = [Seat(call) for call in calls]
    for one in seats:
        one.run_until_it_waits()
    waiting: dict[Any, list[Seat]] = {}
    for one in seats:
        if one.member is not None:
            waiting.setdefault(one.member.kind, []).append(one)
    for group in waiting.values():
        _train_group(group)
    for one in seats:
        if one.member is not None:
            one.run_until_it_waits()
    return seats


def _train_group(group: list[Seat]) -> None:
    members = [one.member for one in group if one.member is not None]
    try:
        if len(members) > 1 or members[0].saved is not None:
            train_stack(members)
            for one in group:
                one.trained = True
    except UsageError as error:
        for member in members:
            member.alone_because = str(error)
