"""Crews: one member at a time, and all together where they ask for it."""

from __future__ import annotations

import random
import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.worker.crew import Crew, run_as_crew


def add_all(payloads: list[int]) -> list[tuple[int, int]]:
    """Return, for each member, its own number and the sum of all."""
    return [(payload, sum(payloads)) for payload in payloads]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_members_that_leave_early_do_not_hold_up_the_others(rounds: list[int]) -> None:
    """Each meeting is of all members that are still there, whatever number of meetings each stays for."""

    def stay(number: int, crew: Crew) -> list[tuple[int, int]]:
        return [crew.together(number, add_all) for _ in range(rounds[number])]

    outcomes = run_as_crew([partial(stay, number) for number in range(len(rounds))])
    for number, outcome in enumerate(outcomes):
        expected = [
            sum(other for other in range(len(rounds)) if rounds[other] > meeting) for meeting in range(len(outcome))
        ]
        assert outcome == [(number, total) for total in expected]


def test_only_one_member_runs_at_a_time() -> None:
    """Between meetings a member has the process to itself, so that global seeds are its own."""

    def draw(seed: int, crew: Crew) -> tuple[list[float], list[float]]:
        random.seed(seed)
        before = [random.random() for _ in range(1000)]
        crew.together(None, lambda payloads: payloads)
        random.seed(seed)
        return before, [random.random() for _ in range(1000)]

    for seed, (before, after) in enumerate(run_as_crew([partial(draw, seed) for seed in range(8)])):
        random.seed(seed)
        assert before == after == [random.random() for _ in range(1000)]


def test_an_error_of_one_member_is_its_own() -> None:
    """A result that is an exception is raised in its member only; an exception of the training in all."""

    def member(number: int, crew: Crew) -> str:
        try:
            return str(crew.together(number, lambda payloads: [ValueError("mine") if p == 1 else p for p in payloads]))
        except ValueError as error:
            return f"error: {error}"

    assert run_as_crew([partial(member, number) for number in range(3)]) == ["0", "error: mine", "2"]

    def fail(payloads: list[object]) -> list[object]:
        raise RuntimeError("all")

    with pytest.raises(RuntimeError, match="all"):
        run_as_crew([lambda crew: crew.together(1, fail)] * 2)


def test_a_crew_of_one_stays_in_its_thread() -> None:
    """A member without company runs where the worker does."""
    assert run_as_crew([lambda crew: (threading.current_thread(), crew.together(1, add_all))]) == [
        (threading.current_thread(), (1, 1))
    ]
