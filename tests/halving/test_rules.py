"""How many settings go on from a rung, and which."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.halving.rules import Measured, Rules

runs = st.one_of(
    st.just(Measured(None, "failed")),
    st.builds(Measured, st.floats(-1e6, 1e6), st.sampled_from([None, None, "collapsed"])),
)
settings = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.lists(runs, min_size=3, max_size=3), min_size=1)


def rules(**given: object) -> Rules:
    """Return rules of three rungs by loss."""
    return Rules.of({"metric": "loss", "direction": "min", "epochs": [1, 3, 9], **({"keep": 0.5} | given)})


@given(percent=st.integers(1, 99), count=st.integers(1, 500), at_least=st.integers(1, 20))
def test_the_part_that_goes_on_is_rounded_down(percent: int, count: int, at_least: int) -> None:
    """Exactly, whatever binary fractions say; at least as many as asked for, and no more than there are."""
    wanted = max(math.floor(Fraction(percent, 100) * count), at_least)
    assert rules(keep=percent / 100, at_least=at_least).go_on(0, count) == min(wanted, count)


def test_so_many_go_on_from_each_rung() -> None:
    """`top` is one number for all rungs, or one for each."""
    assert [rules(keep=None, top=8).go_on(rung, 20) for rung in (0, 1)] == [8, 8]
    assert [rules(keep=None, top=[8, 2]).go_on(rung, 20) for rung in (0, 1)] == [8, 2]


@given(measured=settings)
def test_the_ranks_depend_on_the_numbers_alone(measured: dict[str, list[Measured]]) -> None:
    """Not on the order in which runs ended; ties are broken by the ids."""
    backwards = dict(reversed(measured.items()))
    assert rules().ranked(measured) == rules().ranked(backwards)
    assert rules(direction="max").ranked({one: [Measured(0.5)] for one in measured}) == sorted(measured)


@given(measured=settings)
def test_a_setting_with_a_lost_run_is_ranked_last_by_its_mean(measured: dict[str, list[Measured]]) -> None:
    """A run that failed, diverged or collapsed is no better than any other, whatever number it has."""
    lost = [sum(bool(one.lost) for one in measured[setting]) for setting in rules().ranked(measured)]
    assert lost == sorted(lost)


def test_settings_with_lost_runs_are_ranked_by_what_numbers_they_have() -> None:
    """Where more go on than are sound, those do that have lost fewest, then those with the better numbers."""
    good, bad = Measured(0.2, "stuck"), Measured(0.3, "stuck")
    ranked = rules().ranked(
        {"a": [bad, bad], "b": [good, good], "c": [Measured(9.0), bad], "d": [Measured(None, "failed")] * 2}
    )
    assert ranked == ["c", "b", "a", "d"]


def test_numbers_whose_sum_no_float_holds_are_ranked() -> None:
    """Their mean is a float all the same."""
    huge = [Measured(1.7e308)] * 3
    assert rules().ranked({"a": huge, "b": [Measured(1.0)] * 3}) == ["b", "a"]


def test_a_median_bears_one_lost_run_of_three() -> None:
    """By the median, a setting with one lost run is ranked by the two that are left."""
    failed = Measured(None, "failed")
    ranked = rules(by="median").ranked(
        {
            "a": [Measured(1.0), Measured(2.0), failed],
            "b": [Measured(3.0)] * 3,
            "c": [Measured(0.0), failed, failed],
        }
    )
    assert ranked == ["a", "b", "c"]
