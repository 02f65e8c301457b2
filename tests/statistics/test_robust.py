"""Summaries and intervals that runs far worse than the others and odd distributions do not mislead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpcsweep.statistics.robust import count_far_worse, interquartile_mean, median_interval, typical_distance


@given(numbers=st.lists(st.integers(0, 1000), min_size=1, max_size=25).filter(lambda many: len(many) % 4 == 0))
def test_the_interquartile_mean_trims_a_quarter_on_each_side(numbers: list[int]) -> None:
    """Where a quarter is a whole number of runs, it is SciPy's trimmed mean."""
    assert interquartile_mean(numbers) == pytest.approx(float(stats.trim_mean(numbers, 0.25)), abs=1e-9)


@given(numbers=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_nothing_leaves_the_range_of_the_runs(numbers: list[float]) -> None:
    """Interval and interquartile mean of accuracies lie between the runs' own, so from 0 to 1."""
    low, high = median_interval(numbers) or (min(numbers), max(numbers))
    assert min(numbers) <= low <= high <= max(numbers)
    assert min(numbers) - 1e-12 <= interquartile_mean(numbers) <= max(numbers) + 1e-12


@pytest.mark.parametrize("count", range(5, 40))
def test_the_interval_is_the_narrowest_that_holds_often_enough(count: int) -> None:
    """The chance that the median lies between the two runs is 93 % or more; that of the next inner two is less."""
    low, high = median_interval(range(count)) or (0, 0)
    assert high == count - 1 - low
    assert 1 - 2 * stats.binom.cdf(low, count, 0.5) >= 0.93
    assert 1 - 2 * stats.binom.cdf(low + 1, count, 0.5) < 0.93


def test_fewer_than_five_runs_have_no_interval() -> None:
    """The smallest and largest of four runs hold the median in less than 93 % of cases, so nothing is given."""
    assert median_interval([1.0, 2.0, 3.0, 4.0]) is None


def test_a_run_far_below_its_setting_is_far_worse() -> None:
    """A run at chance among good ones counts, for a loss one far above; what only spreads widely does not."""
    good, bad = [0.95, 0.951, 0.949, 0.952, 0.1], [0.4, 0.6, 0.5, 0.3, 0.7]
    typical = typical_distance([good, bad])
    assert (count_far_worse(good, "max", typical), count_far_worse(bad, "max", typical)) == (1, 0)
    assert count_far_worse([-number for number in good], "min", typical) == 1
    assert count_far_worse(good, "min", typical) == 0
    assert count_far_worse(list(np.random.default_rng(0).normal(size=1000)), "max", 0.0) == 0
