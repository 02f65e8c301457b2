"""The best setting, what cannot be told from it, and how many seeds would decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hpcsweep
from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.statistics import best
from hpcsweep.statistics.best_set import LEVEL, best_set
from hpcsweep.sweep.sections import Halving
from tests.made_results import results_of


def made(seeds: int = 5, gap: float = 0.001, metric: str = "accuracy", noise: float = 0.01) -> Any:
    """Three widths, of which 3 is `gap` better than 2, and 1 far worse."""
    rng = np.random.default_rng(1)
    truth = {1: 0.5, 2: 0.9, 3: 0.9 + gap}
    sign = 1 if metric == "accuracy" else -1
    runs = [
        {
            "width": w,
            "seed": s,
            f"last_{metric}": 2 + sign * (truth[w] + noise * rng.normal())
            if sign < 0
            else truth[w] + noise * rng.normal(),
        }
        for w in truth
        for s in range(seeds)
    ]
    return replace(results_of(runs, ["width"]), metrics=(metric,))


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_the_best_and_what_cannot_be_told_from_it(metric: str) -> None:
    """Two settings whose seeds overlap are both left, a far worse one is not; also where less is better."""
    found = best(made(metric=metric), metric)
    assert set(found.left["width"]) == {2, 3}
    assert found.claims
    assert found.settings["width"].tolist()[-1] == 1
    assert found.setting["width"] in (2, 3)
    row = found.settings.iloc[-1]
    assert 0 < row["ci_low"] < row["margin"] < row["ci_high"]


def test_none_is_a_setting_of_its_own() -> None:
    """A best setting of None is None in values and JSON, and not the text "nan", which is another setting."""
    runs = [{"a": a, "seed": s, "last_score": n + s / 100} for n, a in enumerate(["", "nan", None]) for s in range(3)]
    found = best(replace(results_of(runs, ["a"]), directions={"score": "max"}), "last_score")
    assert found.setting == found.to_json()["best"] == {"a": None}
    assert found.settings["a"].tolist() == [None, "nan", ""]


@pytest.mark.parametrize("exploded", [1e155, 1e200, 1.7e308])
def test_numbers_whose_squares_are_none_are_far_off(exploded: float) -> None:
    """Beside a loss that exploded beyond all measure, the others are told apart as without it, and words are found."""
    losses = {1: [0.1, 0.11, 0.12, 0.1, 0.11], 2: [0.5, 0.51, 0.53, 0.5, 0.52], 3: [exploded, 0.5, 0.5, 0.6, 0.5]}
    runs = [{"a": a, "seed": s, "last_loss": x} for a, of in losses.items() for s, x in enumerate(of)]
    found = best(results_of(runs, ["a"]), "last_loss")
    assert found.setting == {"a": 1}
    assert 2 not in found.left["a"].tolist()
    assert list(hpcsweep.statistics.sentences(results_of(runs, ["a"]), "last_loss"))


def test_a_clear_winner_stands_alone() -> None:
    """A setting that is better for every seed by far is the only one that is left, and needs no more seeds."""
    found = best(made(gap=0.2), "accuracy")
    assert found.left["width"].tolist() == [3]
    assert found.more_seeds == 0
    assert found.answer().startswith("Best last_accuracy: width 3, 1.098 ± 0.0049 (5 seeds). ")
    assert (
        "It is better than all 2 other settings; its margin over the next, width 2, is 0.2 (interval " in found.answer()
    )


def test_a_setting_that_exploded_hides_nothing_about_the_others() -> None:
    """Beside means of 10^16 a loss of 380 is still told from one of 0.001."""
    noise = np.random.default_rng(1).normal(size=(3, 3))
    numbers = np.array([[0.001], [380.0], [7e16]]) * (1 + 0.05 * noise)
    assert best_set(numbers, larger=False).is_left.tolist() == [True, False, False]


@pytest.mark.parametrize("seeds", [1, 2])
def test_nothing_is_claimed_from_fewer_than_three_seeds(seeds: int) -> None:
    """With two seeds every setting is left, however far apart they are, and the answer says so."""
    found = best(made(seeds=seeds, gap=0.3), "accuracy")
    assert found.left["width"].tolist() == [3, 2, 1]
    assert not found.claims
    assert f"nothing is claimed from {seeds} seed" in found.answer()
    assert found.settings[["ci_low", "ci_high"]].isna().all(axis=None)


def test_two_settings_are_compared_by_a_paired_t_test() -> None:
    """Of two settings with many seeds, the interval is that of SciPy's paired t test at the level of the set."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(2, 9))
    found = best_set(numbers, larger=True)
    row = int(np.argmin(numbers.mean(axis=1)))
    expected = stats.ttest_rel(numbers[1 - row], numbers[row]).confidence_interval(1 - LEVEL)
    assert found.margins[row] - found.halves[row] == pytest.approx(expected.low)
    assert found.margins[row] + found.halves[row] == pytest.approx(expected.high)


@given(
    shift=st.integers(-3, 3),
    scale=st.sampled_from([0.5, 2.0, 8.0]),
    numbers=st.lists(st.lists(st.integers(0, 50), min_size=4, max_size=4), min_size=2, max_size=6),
)
def test_the_set_does_not_depend_on_unit_or_order(shift: int, scale: float, numbers: list[list[int]]) -> None:
    """Other units, another order of settings or of seeds, and a loss in place of a score leave the same set."""
    values = np.array(numbers, dtype=np.float64)
    left = best_set(values, larger=True).is_left
    assert np.array_equal(best_set(scale * values + shift, larger=True).is_left, left)
    assert np.array_equal(best_set(values[::-1, ::-1], larger=True).is_left[::-1], left)
    assert np.array_equal(best_set(-values, larger=False).is_left, left)
    assert left[np.flatnonzero(values.mean(axis=1) == values.mean(axis=1).max())].all()


@pytest.mark.parametrize("settings", [4, 9])
def test_one_run_that_went_wrong_hides_nothing(settings: int) -> None:
    """A best setting that is clearly better is told from the others also where one run of another went wrong."""
    numbers = np.random.default_rng(0).normal(0.9, 0.01, (settings, 5))
    numbers[0] += 0.08
    clean = best_set(numbers, larger=True).is_left
    assert clean.tolist() == [True] + [False] * (settings - 1)
    numbers[-1, 2] = 0.1
    assert np.array_equal(best_set(numbers, larger=True).is_left[:-1], clean[:-1])


def test_more_seeds_decide_what_they_promise() -> None:
    """With as many more seeds as were said, most sweeps of that margin and spread do tell the two apart."""
    margin, spread, seeds = 1.0, 1.0, 5
    rng = np.random.default_rng(0)
    sample = rng.normal(size=(2, seeds))
    exact = (sample - sample.mean(axis=1, keepdims=True)) / np.std(sample[1] - sample[0], ddof=1) * spread * 2**0.5
    more = best_set(exact + np.array([[margin], [0.0]]), larger=True).more_seeds
    assert more is not None
    told = [
        not best_set(spread * rng.normal(size=(2, seeds + more)) + np.array([[margin], [0.0]]), larger=True).is_left[1]
        for _ in range(200)
    ]
    assert 0.7 < np.mean(told) < 0.95


def test_equal_settings_would_take_more_than_a_hundred_seeds() -> None:
    """Where the margin is nothing beside the spread, no number of seeds is promised."""
    numbers = np.array([[0.1, 0.5, 0.9, 0.5], [0.5, 0.9, 0.1, 0.5001]])
    assert best_set(numbers, larger=True).more_seeds is None


def test_a_missing_run_takes_its_seed_from_its_pairs_only() -> None:
    """A setting without one seed is compared by its others; one with two seeds is neither best nor excluded."""
    numbers = np.array([[0.9, 0.91, 0.92, 0.9, 0.91], [0.5, np.nan, 0.51, 0.5, 0.52], [0.99, 0.1, *[np.nan] * 3]])
    found = best_set(numbers, larger=True)
    assert found.best == 0
    assert found.is_left.tolist() == [True, False, True]
    assert found.margins[1] == pytest.approx(np.mean([0.4, 0.41, 0.4, 0.39]))


def test_the_best_of_more_epochs_is_refused() -> None:
    """A maximum over different numbers of epochs is refused with the reason; at equal numbers it is compared."""
    runs = [{"epochs": e, "seed": s, "max_acc": s / 10, "last_acc": s / 10} for e in (5, 40) for s in range(3)]
    results = replace(results_of(runs, ["epochs"]), metrics=("acc",))
    with pytest.raises(UsageError, match=r"best of 5 epochs in some runs and of 40 in others.*compare last_acc"):
        best(results, "max_acc")
    assert best(results, "max_acc", where="epochs == 40").setting == {}
    assert best(results, "acc").metric == "last_acc"


def test_what_cannot_be_answered_is_refused() -> None:
    """A metric of unknown direction and a sweep without a finished run are refused with what to type."""
    with pytest.raises(UsageError, match=r'\[metrics\] whim = "max" or "min"'):
        best(made(metric="whim"), "whim")
    results = made()
    results.runs["state"] = "new"
    with pytest.raises(NothingSelectedError, match="no finished run has"):
        best(results, "accuracy")


def test_the_answer_stands_first_in_what_is_found() -> None:
    """The sentences about a sweep begin with the best setting, and its json says the same."""
    found = hpcsweep.best(made(gap=0.2), "accuracy")
    lines = list(hpcsweep.statistics.sentences(made(gap=0.2), "accuracy"))
    assert lines[0] == found.answer() == found.to_json()["sentences"][0]
    assert found.to_json()["best"] == {"width": 3}
    assert "Bonferroni's correction over all 3 pairs" in lines[1]


@pytest.mark.parametrize("finished", [1, 2])
def test_settings_without_a_finished_run_are_not_beaten(finished: int) -> None:
    """The best is only better than what has numbers; the others are counted apart."""
    runs = [
        {"width": w, "seed": s, "last_loss": w + s / 100, "state": "done" if w <= finished else "new"}
        for w in (1, 2, 3)
        for s in range(3)
    ]
    found = best(results_of(runs, ["width"]), "last_loss")
    rest = {
        1: "It is the only setting that has finished runs with finite",
        2: "It is better than the other setting; its",
    }
    assert rest[finished] in found.answer()
    said = f"{3 - finished} of 3 settings have no finished run with a finite number, and are not compared."
    assert said in found.in_words()
    assert "nan" not in " ".join(found.in_words())


def test_no_setting_is_the_best_before_the_last_rung() -> None:
    """Of a halved sweep whose runs have only reached the first rung none is called the best, and the line says why."""
    results = results_of([{"epochs": 1, "width": w, "seed": 0, "last_loss": w} for w in (1, 2)], ["width", "epochs"])
    halved = replace(results, halving=Halving(metric="loss", epochs=[1, 3], keep=0.5))
    with pytest.raises(NothingSelectedError, match="no finished run of the last rung, at 3 epochs, has last_loss"):
        best(halved, "last_loss")
