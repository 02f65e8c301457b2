"""A crew: trajectories that one worker trains together, for the stacked engine.

Each member is a thread, but only the one whose turn it is runs. So global seeds and the building of models are as they
are for a run alone. A member passes its turn on only when it waits for the others.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Train = Callable[[list[Any]], list[Any]]


@dataclass
class _Meeting:
    """One meeting of all members: what each brings, and what each takes away."""

    payloads: list[Any] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    over: bool = False


class Crew:
    """`size` members that train together."""

    def __init__(self, size: int) -> None:
        self._turn = threading.Condition()
        self._active = size
        self._meeting = _Meeting()

    @contextmanager
    def member(self) -> Iterator[None]:
        """Be a member during the block: wait for the turn, keep it, and leave at the end."""
        with self._turn:
            try:
                yield
            finally:
                self._active -= 1
                self._turn.notify_all()

    def together(self, payload: Any, train: Train) -> Any:
        """Wait until every member that has not left is here; return this member's result of one common `train`.

        `train` is called once, with the payloads of all, and returns as many results in the same order. If a result is
        an exception, it is raised in the member that it belongs to; if `train` itself raises, it is raised in all.
        """
        meeting = self._meeting
        index = len(meeting.payloads)
        meeting.payloads.append(payload)
        while not meeting.over:
            if len(meeting.payloads) == self._active:
                self._hold(meeting, train)
            else:
                self._wait()
        result = meeting.results[index]
        if isinstance(result, BaseException):
            raise result
        return result

    def _wait(self) -> None:
        """Pass the turn on until something changes. A process has one working folder, so each member brings its own."""
        folder = Path.cwd()
        self._turn.wait()
        os.chdir(folder)

    def _hold(self, meeting: _Meeting, train: Train) -> None:
        self._meeting = _Meeting()
        try:
            meeting.results = train(meeting.payloads)
        except BaseException as error:
            meeting.results = [error] * len(meeting.payloads)
        meeting.over = True
        self._turn.notify_all()


def run_as_crew(calls: list[Callable[[Crew], Any]]) -> list[Any]:
    """Call each of `calls` as a member of one crew; return what they returned, in order; the first error is raised.

    A crew of one needs no thread, so its job may do what only a main thread may, such as handle signals.
    """
    if len(calls) == 1:
        with (alone := Crew(1)).member():
            return [calls[0](alone)]
    crew = Crew(len(calls))
    outcomes: list[Any] = [None] * len(calls)
    errors: list[BaseException] = []

    def be_member(index: int) -> None:
        with crew.member():
            try:
                outcomes[index] = calls[index](crew)
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=be_member, args=(index,), name=f"member {index}") for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return outcomes
