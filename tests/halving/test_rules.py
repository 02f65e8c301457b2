"""How many settings go on from a rung, and which."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.halving.rules import Rules

numbers = st.one_of(st.none(), st.floats(-1e6, 1e6))
values = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.lists(numbers, min_size=3, max_size=3), min_size=1)


def rules(**given: object) -> Rules:
    """Return rules of three rungs by loss."""
    return Rules.of({"metric": "loss", "direction": "min", "epochs": [1, 3, 9], **({"keep": 0.5} | given)})


@given(percent=st.integers(1, 99), settings=st.integers(1, 500), at_least=st.integers(1, 20))
def test_the_part_that_goes_on_is_rounded_down(percent: int, settings: int, at_least: int) -> None:
    """Exactly, whatever binary fractions say; at least as many as asked for, and no more than there are."""
    wanted = max(math.floor(Fraction(percent, 100) * settings), at_least)
    assert rules(keep=percent / 100, at_least=at_least).go_on(0, settings) == min(wanted, settings)


def test_so_many_go_on_from_each_rung() -> None:
    """`top` is one number for all rungs, or one for each."""
    assert [rules(keep=None, top=8).go_on(rung, 20) for rung in (0, 1)] == [8, 8]
    assert [rules(keep=None, top=[8, 2]).go_on(rung, 20) for rung in (0, 1)] == [8, 2]


@given(values=values)
def test_the_ranks_depend_on_the_numbers_alone(values: dict[str, list[float | None]]) -> None:
    """Not on the order in which runs ended; ties are broken by the ids."""
    backwards = dict(reversed(values.items()))
    assert rules().ranked(values) == rules().ranked(backwards)
    assert rules(direction="max").ranked({one: [0.5] for one in values}) == sorted(values)


@given(values=values)
def test_a_setting_with_a_lost_run_is_ranked_last_by_its_mean(values: dict[str, list[float | None]]) -> None:
    """A run that failed or diverged has no number, so there is no mean that could be better than another."""
    lost = [any(one is None for one in values[setting]) for setting in rules().ranked(values)]
    assert lost == sorted(lost)


def test_a_median_bears_one_lost_run_of_three() -> None:
    """By the median, a setting with one lost run is ranked by the two that are left."""
    ranked = rules(by="median").ranked({"a": [1.0, 2.0, None], "b": [3.0, 3.0, 3.0], "c": [0.0, None, None]})
    assert ranked == ["a", "b", "c"]
