"""Comparisons paired by seed, effects, importance, and the sentences about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpcsweep import statistics
from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.statistics.compare import SIGNIFICANT, compare_all
from hpcsweep.statistics.sentences import best_in_words
from tests.made_results import results_of


def made(seeds: int = 5, effect: float = 0.2, noise: float = 0.02) -> Any:
    """Optimizers adam and sgd by layers 1 and 2; sgd is `effect` better; layers do nothing; seeds share their luck."""
    rng = np.random.default_rng(3)
    luck = rng.normal(size=seeds)
    runs = [
        {
            "optimizer": o,
            "layers": n,
            "seed": s,
            "last_score": luck[s] + effect * (o == "sgd") + noise * rng.normal(),
        }
        for o in ("adam", "sgd")
        for n in (1, 2)
        for s in range(seeds)
    ]
    return results_of(runs, ["optimizer", "layers"])


def test_pairs_by_seed_see_what_luck_hides() -> None:
    """The difference within seeds is found although seeds differ much more among each other."""
    row = statistics.compare(made(), "optimizer", "score").iloc[0]
    assert (row["first"], row["second"], row["n_seeds"], row["n_pairs"]) == ("adam", "sgd", 5, 10)
    assert row["difference"] == pytest.approx(0.2, abs=0.05)
    assert row["ci_low"] < row["difference"] < row["ci_high"]
    assert row["verdict"] == "different"
    assert statistics.compare(made(), "layers", "score").iloc[0]["verdict"] == "not shown to differ"


def test_p_is_that_of_scipys_paired_t_test() -> None:
    """p equals scipy.stats.ttest_rel over seeds, the settings of a seed averaged first."""
    results = made()
    runs = results.runs.groupby(["optimizer", "seed"])["last_score"].mean()
    expected = stats.ttest_rel(runs["sgd"], runs["adam"])
    row = statistics.compare(results, "optimizer", "score").iloc[0]
    assert row["p"] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_corrects_step_down(p: list[float]) -> None:
    """Corrected p-values keep their order, are never smaller, at most 1, and the smallest is n times itself."""
    corrected = statistics.holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, corrected, strict=True))
    assert min(corrected) == pytest.approx(min(1.0, min(p) * len(p)))
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(np.array(corrected)[order]) >= 0)


def test_holm_of_a_known_example() -> None:
    """0.01, 0.04, 0.03 become 0.03, 0.06, 0.06; a test that was not made stays out of the count."""
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.02, float("nan")])[0] == 0.02


def test_one_seed_is_no_claim() -> None:
    """With one seed there is no p-value, no verdict, and the sentences say why."""
    row = statistics.compare(made(seeds=1), "optimizer", "score").iloc[0]
    assert np.isnan(row["p"])
    assert row["verdict"] == "no claim: one seed"
    *_, line = statistics.sentences(made(seeds=1), "score")
    assert "one seed cannot tell an effect from luck" in line


def test_failed_runs_break_their_pair_only() -> None:
    """A run that is not done takes its partner out of the comparison, and nothing else."""
    results = made()
    results.runs.loc[0, "state"] = "failed"
    row = statistics.compare(results, "optimizer", "score").iloc[0]
    assert (row["n_seeds"], row["n_pairs"]) == (5, 9)


def test_effects_are_means_over_everything_else() -> None:
    """The main effect of a value is the mean of its finished runs; the strongest parameter comes first."""
    results = made(effect=3.0)
    frame = statistics.effects(results, "score")
    sgd = frame[(frame["parameter"] == "optimizer") & (frame["value"] == "sgd")].iloc[0]
    assert sgd["mean"] == pytest.approx(results.runs.query("optimizer == 'sgd'")["last_score"].mean())
    assert frame["parameter"].iloc[0] in ("optimizer", "seed")
    assert frame["share_of_variance"].between(0, 1).all()


def test_importance_finds_the_parameter_that_matters() -> None:
    """Shuffling the parameter that matters costs the forest most; the one that does nothing costs nothing."""
    rng = np.random.default_rng(0)
    runs = [
        {"a": a, "b": b, "kind": k, "last_loss": a * a + 0.01 * rng.normal()}
        for a in range(6)
        for b in range(4)
        for k in ("x", "y")
    ]
    frame = statistics.importance(results_of(runs, ["a", "b", "kind"]), "loss").set_index("parameter")
    assert frame.index[0] == "a"
    assert frame["importance"]["a"] > 0.5
    assert abs(frame["importance"]["b"]) < 0.1
    assert frame["r2"]["a"] > 0.5


def test_too_little_is_refused() -> None:
    """Importance of a few runs, and a parameter that does not vary, are refused with what is there."""
    with pytest.raises(NothingSelectedError, match="expected 12 or more"):
        statistics.importance(made(seeds=1), "score")
    with pytest.raises(UsageError, match='does not vary \\(did you mean "layers"\\?\\)'):
        statistics.compare(made(), "layer", "score")


def test_a_report_claims_what_its_correction_leaves() -> None:
    """A report's two kinds of claims share one level: a sentence claims a difference only if its p says so."""
    frames = [compare_all(made(effect=e), ["optimizer"], "score", share=0.5) for e in np.arange(0.0, 0.06, 0.004)]
    rows = pd.concat(frames)
    assert (rows["p_holm"] / 2 < SIGNIFICANT).sum() > (rows["p_holm"] < SIGNIFICANT).sum() > 0
    assert ((rows["verdict"] == "different") == (rows["p_holm"] < SIGNIFICANT)).all()


def test_sentences_name_n_and_the_assumptions() -> None:
    """Each sentence has its interval and n, and the last says what was assumed."""
    unknown, *lines = list(statistics.sentences(made(), "score"))
    assert unknown.startswith("Which setting is best cannot be said: last_score: it is not known whether more")
    assert lines[0].startswith("optimizer sgd instead of optimizer adam changes last_score by +0.2")
    assert "n = 5 seeds, 10 pairs" in lines[0]
    assert "is not shown to change" in lines[1]
    assert "paired t test" in lines[-1]


@pytest.mark.parametrize(("seeds", "claimed"), [(2, False), (3, False), (5, True)])
def test_equal_differences_are_no_certainty(seeds: int, claimed: bool) -> None:
    """Accuracies that differ by one image for every seed: p follows from their step, and is never 0."""
    accuracies = [
        {"kind": kind, "seed": s, "last_accuracy": 0.9 + 0.01 * (kind == "b")} for kind in "ab" for s in range(seeds)
    ]
    row = statistics.compare(results_of(accuracies, ["kind"]), "kind", "accuracy").iloc[0]
    assert (row["verdict"] == "different") is claimed
    assert np.isnan(row["p"]) if seeds == 2 else row["p"] > 0.001


def test_numbers_that_differ_in_rounding_only_have_no_step() -> None:
    """Differences that are equal up to float32's rounding are equal, and no certainty either."""
    runs = [
        {"kind": kind, "seed": s, "last_accuracy": float(np.float32(0.9 + 0.01 * (kind == "b")) + 3e-8 * s)}
        for kind in "ab"
        for s in range(3)
    ]
    assert statistics.compare(results_of(runs, ["kind"]), "kind", "accuracy").iloc[0]["p"] > 0.01


def test_seeds_that_are_equal_by_chance_do_not_hide_what_their_settings_say() -> None:
    """Each seed collapses once, in another setting: the seeds' mean differences are equal, and no certainty."""
    runs = [
        {
            "kind": kind,
            "width": width,
            "seed": s,
            "last_accuracy": 0.1 if (kind, width) == ("b", s) else 0.9 + 0.001 * s,
        }
        for kind in "ab"
        for width in range(3)
        for s in range(3)
    ]
    row = statistics.compare(results_of(runs, ["kind", "width"]), "kind", "accuracy").iloc[0]
    assert row["difference"] == pytest.approx(-0.267, abs=0.001)
    assert row["verdict"] == "not shown to differ"


def test_one_correction_covers_a_whole_report() -> None:
    """p is corrected for the comparisons of all parameters and for the choice of the best, which has half the level."""
    results = made()
    alone = statistics.compare(results, "optimizer", "score").iloc[0]
    assert alone["p_holm"] == alone["p"]
    _, first, *_ = statistics.sentences(results, "score")
    assert f"p = {2 * 2 * alone['p']:.2g} after correction" in first


def test_the_best_of_more_epochs_is_no_evidence() -> None:
    """Numbers of epochs are compared by the last epoch, not by the best of each, which is better by chance alone."""
    rng = np.random.default_rng(0)
    runs = []
    for epochs in (5, 40):
        for seed in range(8):
            history = rng.normal(0.5, 0.01, epochs)
            runs.append({"epochs": epochs, "seed": seed, "max_acc": history.max(), "last_acc": history[-1]})
    results = replace(results_of(runs, ["epochs"]), metrics=("acc",))
    best, last = (statistics.compare(results, "epochs", value).iloc[0] for value in ("max_acc", "last_acc"))
    assert best["verdict"].startswith("no claim: the best of more epochs is better by chance alone")
    assert last["verdict"] == "not shown to differ"


def test_seeds_of_a_single_setting_are_only_summed_up() -> None:
    """Where no parameter varies there is nothing to compare, and nothing is said of comparisons."""
    made = results_of([{"a": 1, "last_loss": 1.0 + seed / 10, "seed": seed} for seed in range(5)], ["a"])
    assert list(statistics.sentences(made, "last_loss")) == list(best_in_words(made, "last_loss"))
