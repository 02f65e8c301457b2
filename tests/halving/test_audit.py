"""What is estimated from stopped settings that were trained to the end all the same."""

from __future__ import annotations

from itertools import combinations
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.halving.audit import Audit, judged
from hpcsweep.halving.rules import Measured, Rules

RULES = Rules.of({"metric": "loss", "direction": "min", "epochs": [1, 3], "keep": 0.5})


@given(
    losses=st.lists(st.integers(0, 9), min_size=4, max_size=9),
    kept=st.integers(1, 3),
    audited=st.integers(1, 3),
)
def test_on_average_over_all_draws_the_estimate_is_the_truth(losses: list[int], kept: int, audited: int) -> None:
    """And the interval misses the truth in no more than 5 % of the draws."""
    measured = {f"{number}": [Measured(float(loss))] for number, loss in enumerate(losses)}
    final, stopped = list(measured)[:kept], list(measured)[kept:]
    ranked = RULES.ranked(measured)
    truth = sum(ranked.index(one) < max(map(ranked.index, final)) for one in stopped)
    draws = list(combinations(stopped, min(audited, len(stopped))))
    found = [judged(RULES, measured, final, draw, len(stopped)) for draw in draws]
    assert mean(one.estimate for one in found) == pytest.approx(truth)
    missed = sum(not one.interval()[0] <= truth <= one.interval()[1] for one in found)
    assert missed <= 0.05 * len(draws)


def test_an_interval_holds_what_is_not_rare() -> None:
    """If none of 6 of 78 is better, up to 34 may be: with 35, that is rarer than 2.5 % of the draws."""
    assert Audit(6, 78, 0, 0).interval() == (0, 34)
    assert Audit(3, 3, 1, 0).interval() == (1, 1)
