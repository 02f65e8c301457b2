"""Claims keep their level: on simulated sweeps in which nothing has an effect, few reports claim one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.training  # it trains nothing, but takes as long as a third of `make quick`
REPORTS = 80
MOST = 0.05 + 3 * (0.05 * 0.95 / REPORTS) ** 0.5


@pytest.fixture(scope="module")
def rows() -> list[list[float]]:
    """One row per kind of numbers, seeds and parameters: baseline, ours, covered, no claim, best."""
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "null_sweeps.py"), "--reports", str(REPORTS)]
    ended = subprocess.run([*command, "--parameters", "2"], capture_output=True, text=True, check=True)
    return [[float(word) for word in line.split()[-7:]] for line in ended.stdout.splitlines()[2:]]


def test_few_reports_claim_what_is_not_there(rows: list[list[float]]) -> None:
    """At most one report in twenty has a false claim, whatever the numbers; nothing is claimed from 2 seeds."""
    assert len(rows) == 28
    assert all(ours <= MOST for _, _, _, ours, *_ in rows)
    assert all(no_claim == 1 for seeds, *_, no_claim, _ in rows if seeds == 2)
    assert any(baseline > 0.3 for _, _, baseline, *_ in rows)  # the numbers are such as mislead a plain t test


def test_intervals_hold_the_truth(rows: list[list[float]]) -> None:
    """From five seeds on, at least 93 % of the intervals hold the true difference, up to the chance of so few."""
    assert all(covered >= 0.90 for seeds, _, _, _, covered, *_ in rows if seeds >= 5)


def test_equal_settings_are_seldom_told_from_the_best(rows: list[list[float]]) -> None:
    """Of equal settings, at most one report in twenty tells one from the best, and none from two seeds."""
    assert all(told <= MOST for *_, told in rows)
    assert all(told == 0 for seeds, *_, told in rows if seeds == 2)
