"""The verdict on what was expected: the seeds' spread decides whether it holds, does not, or cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpcsweep.errors import UsageError
from hpcsweep.statistics.expected import Verdict, compare_expected
from hpcsweep.sweep.expected import Expectation, Setting
from tests.made_results import results_of


def verdicts(
    settings: dict[str, list[float]],
    value: str = "last_accuracy",
    number: float | None = None,
    tolerance: float | None = None,
) -> list[Verdict]:
    """Return the verdicts on settings with these numbers, by seed, each of which should be better than the next."""
    runs: list[dict[str, Any]] = [
        {"optimizer": name, "seed": seed, "id": f"{name}{seed}", value: number}
        for name, numbers in settings.items()
        for seed, number in enumerate(numbers)
    ]
    meant = [
        Setting({"optimizer": name}, tuple(run["id"] for run in runs if run["optimizer"] == name)) for name in settings
    ]
    found = replace(results_of(runs, ["optimizer"]), expected=[Expectation(value, tuple(meant), number, tolerance)])
    return [one.verdict for one in compare_expected(found)]


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ([0.899, 0.900, 0.901], Verdict.HOLDS),
        ([0.799, 0.800, 0.801], Verdict.FAILS),
        ([0.70, 0.90, 1.00], Verdict.OPEN),  # the mean is near, but the next three seeds need not be
        ([0.875, 0.880, 0.885], Verdict.OPEN),  # the mean is outside, its interval is not
        ([0.90], Verdict.HOLDS),
        ([0.80], Verdict.FAILS),
    ],
)
def test_a_published_number(numbers: list[float], verdict: Verdict) -> None:
    """0.9, give or take 0.015, holds, fails or is not told by the interval of the mean; one seed is taken as it is."""
    assert verdicts({"adam": numbers}, "last_accuracy", 0.9, 0.015) == [verdict]


@pytest.mark.parametrize(("value", "sign"), [("last_accuracy", 1), ("min_loss", -1)])
def test_better_is_judged_seed_by_seed_and_in_the_values_direction(value: str, sign: int) -> None:
    """Seeds that all agree decide, however much they differ from each other; two seeds decide nothing."""
    best, worse = [sign * number for number in (0.5, 0.7, 0.9)], [sign * number for number in (0.41, 0.60, 0.79)]
    assert verdicts({"adam": best, "sgd": worse}, value) == [Verdict.HOLDS]
    assert verdicts({"sgd": worse, "adam": best}, value) == [Verdict.FAILS]
    assert verdicts({"adam": best[:2], "sgd": worse[:2]}, value) == [Verdict.OPEN]
    assert verdicts({"adam": best, "sgd": worse, "lion": best}, value) == [Verdict.HOLDS, Verdict.FAILS]
    assert verdicts({"adam": [sign * number for number in (0.5, 0.51, 0.52)]}, value, sign * 0.4) == [Verdict.HOLDS]


def test_settings_without_numbers_are_unfinished() -> None:
    """Where no run has a number, nothing is said against the expectation."""
    assert verdicts({"adam": [float("nan")]}, "last_accuracy", 0.9, 0.1) == [Verdict.UNFINISHED]


def test_a_value_that_no_run_has_is_named() -> None:
    """A misspelt value is refused with the number of its entry, not taken for unfinished."""
    runs = [{"optimizer": "adam", "last_accuracy": 0.9, "id": "a"}]
    asked = Expectation("last_acuracy", (Setting({}, ("a",)),), 0.9, 0.1)
    found = replace(results_of(runs, ["optimizer"]), expected=[asked])
    with pytest.raises(UsageError, match=r'expected #1: no value is called "last_acuracy" \(did you mean'):
        compare_expected(found)
