"""Where more stops paying, and when that cannot be said."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpcsweep.errors import UsageError
from hpcsweep.knee import find_knee, knee, marginal, reaching
from tests.made_results import MakeStore, fill_store, make_result, results_of

KNEE = 27  # of `settling`: 0.03 + 0.3 * exp(-x / 5) is within 5 % of what it will be


def settling(seed: int = 0, epochs: int = 100, noise: float = 0.001) -> Any:
    """An error that falls from 0.33 to 0.03, with the noise of a seed and of each epoch."""
    rng = np.random.default_rng(seed)
    error = 0.03 + 0.3 * np.exp(-np.arange(epochs + 1) / 5)
    return error + rng.normal(0, noise, epochs + 1) + rng.normal(0, noise)


def history(metric: str, values: Any, **others: Any) -> dict[str, Any]:
    """A history of one metric, one second per epoch."""
    return {"epoch": range(len(values)), metric: values, "seconds": [1.0] * len(values), **others}


def row_of(root: Path, curves: list[Any], metric: str = "val_loss", **options: Any) -> pd.Series[Any]:
    """The only row of the knee of these curves, one per seed, of a store of their own below `root`."""
    made = [make_result({"a": 1}, seed, history=history(metric, values)) for seed, values in enumerate(curves)]
    rows = knee(fill_store(Path(mkdtemp(dir=root)), made).root, metric, **options)
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize(
    ("metric", "turned"),
    [
        ("val_loss", lambda error: error),
        ("val_accuracy", lambda error: 1 - error),
        ("val_loss", lambda error: np.where(np.arange(len(error)) % 3 == 1, error, np.nan)),  # logged every third epoch
    ],
)
def test_the_knee_is_where_mathematics_puts_it(tmp_path: Path, metric: str, turned: Any) -> None:
    """Of a loss or an accuracy, however seldom logged, the knee of a known curve is found, with its interval."""
    row = row_of(tmp_path, [turned(settling(seed)) for seed in range(5)], metric)
    assert row["kind"] == "knee"
    assert row["knee"] == pytest.approx(KNEE, abs=5)
    assert row["ci_low"] <= KNEE <= row["ci_high"] <= 60
    assert row["hours"] + row["hours_after"] == pytest.approx(101 / 3600, rel=0.03)
    assert row["verdict"].startswith(f"pays off until about {row['knee']:.0f} epochs (95 % interval ")
    assert row["verdict"].endswith("5 seeds); nothing later gains 5 % of the error that is left")


def test_chance_at_epoch_0_does_not_move_the_knee(tmp_path: Path) -> None:
    """The error that is left counts, not the gain from the fresh model, however bad that is."""
    curves = [settling(seed) for seed in range(5)]
    places = []
    for chance in (0.33, 0.9):
        for curve in curves:
            curve[0] = chance
        places.append(row_of(tmp_path, curves)["knee"])
    assert places[0] == places[1]


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_curves_of_noise_have_no_knee(tmp_path: Path, metric: str) -> None:
    """Curves that only vary are said to gain nothing."""
    rng = np.random.default_rng(3)
    row = row_of(tmp_path, list(rng.normal(0.9, 0.01, (5, 51))), metric)
    assert (row["kind"], np.isnan(row["knee"])) == ("no gain", True)
    assert row["verdict"] == "no gain shown beyond noise from epoch 1 on (5 seeds)"


def test_bad_settings_do_not_hide_the_gain_of_good_ones(make_store: MakeStore) -> None:
    """Seeds of settings with a large error differ by more: chance is judged by shares of the error, here 40 %."""
    rng = np.random.default_rng(0)
    falling = np.append(1.0, np.linspace(1.0, 0.6, 40))
    made = [
        make_result({"a": a}, seed, history=history("val_loss", size * falling * np.exp(rng.normal(0, 0.05, 41))))
        for a, size in enumerate([0.9] * 8 + [0.03])
        for seed in range(5)
    ]
    assert "no gain" not in set(knee(make_store(made).root, "val_loss")["kind"])


def test_what_still_gains_has_no_knee(tmp_path: Path) -> None:
    """A curve that gains what is worth it in its last half gives no answer, and says to go on."""
    row = row_of(tmp_path, [settling(seed, epochs=30) for seed in range(5)])
    assert (row["kind"], np.isnan(row["knee"])) == ("still gaining", True)
    assert row["verdict"].startswith("still falling: the last half gains 5 % of the error that is left (5 seeds)")


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_cannot_tell(tmp_path: Path, seeds: int) -> None:
    """From one or two seeds nothing is claimed, however clear the curve looks."""
    row = row_of(tmp_path, [settling(seed) for seed in range(seeds)])
    assert row["kind"] == "too few seeds"
    assert row["verdict"].endswith("cannot tell a gain from luck; expected 3 or more")


def test_few_points_cannot_tell(tmp_path: Path) -> None:
    """Three epochs are too few to have a knee."""
    row = row_of(tmp_path, [settling(seed, epochs=3) for seed in range(5)])
    assert row["verdict"] == "no answer: 3 points that all seeds have, expected 4 or more"


@pytest.mark.parametrize("collapse", [1, 60])
def test_a_collapsed_seed_is_left_out_and_told(tmp_path: Path, collapse: int) -> None:
    """A seed that never learns, or forgets all, does not move the knee of the others."""
    curves = [settling(seed) for seed in range(5)]
    without = row_of(tmp_path, curves[1:])
    curves[0][collapse:] = 0.9
    row = row_of(tmp_path, curves)
    assert (row["knee"], row["n_seeds"], row["n_dead"]) == (without["knee"], 4, 1)
    assert "1 seed left out, far worse" in row["verdict"]


@pytest.mark.parametrize("size", [1e9, 1e200])
def test_a_seed_that_explodes_does_not_hide_the_knee_of_the_others(tmp_path: Path, size: float) -> None:
    """However large the numbers of a seed that is left out, those of the others are judged as without it."""
    curves = [settling(seed) for seed in range(5)]
    without = row_of(tmp_path, curves[1:])
    row = row_of(tmp_path, [curves[0] * size, *curves[1:]])
    assert (row["knee"], row["n_dead"]) == (without["knee"], 1)


def test_seeds_that_all_stay_dead_gain_nothing(tmp_path: Path) -> None:
    """Curves that never leave their first value have no gain, and that is said of each."""
    for value in (0.1, 0.703):  # whose mean over several epochs is another number in the last bit
        row = row_of(tmp_path, [[value] * 30] * 3, "val_accuracy")
        assert row["verdict"] == "no gain shown beyond noise from epoch 1 on (3 seeds); 3 seeds at one value all along"


def test_overfitting_is_named_by_its_epoch(make_store: MakeStore) -> None:
    """Where validation gets worse while training gets better, the best epoch is named; the knee lies before it."""
    epochs = np.arange(101)
    made = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        fitted = 0.3 + 0.7 * np.exp(-epochs / 6) - 0.001 * epochs + rng.normal(0, 0.003, 101)
        values = 0.3 + 0.7 * np.exp(-epochs / 6) + 0.004 * np.maximum(epochs - 25, 0) + rng.normal(0, 0.003, 101)
        made.append(make_result({"a": 1}, seed, history=history("val_loss", values, loss=fitted)))
    row = knee(make_store(made).root, "val_loss").iloc[0]
    assert 20 <= row["overfits_from"] <= 30
    assert row["knee"] <= row["overfits_from"]
    assert "overfits: val_loss gets worse after about 2" in row["verdict"]
    assert np.isnan(knee(make_store(made).root, "loss").iloc[0]["overfits_from"])


def test_a_user_says_what_is_worth_it(tmp_path: Path) -> None:
    """A higher price moves the knee to the left, by gain and by hours."""
    curves = [settling(seed) for seed in range(5)]
    by_gain = [row_of(tmp_path, curves, gain=gain)["knee"] for gain in (0.003, 0.03)]
    assert by_gain == pytest.approx([5 * np.log(0.3 / gain) for gain in (0.003, 0.03)], abs=3)
    per_hour = [row_of(tmp_path, curves, gain_per_hour=price)["knee"] for price in (2.0, 20.0)]
    assert per_hour == pytest.approx([5 * np.log(0.06 / price * 3600) for price in (2.0, 20.0)], abs=2.5)


def test_runs_of_one_trajectory_count_once(make_store: MakeStore) -> None:
    """Of runs that differ only in epochs the longest is used, since the others are part of it."""
    values = settling()
    made = [make_result({"epochs": n}, history=history("val_loss", values[: n + 1])) for n in (10, 50, 100)]
    assert knee(make_store(made).root)["n_seeds"].tolist() == [1]


def test_seeds_that_stop_early_are_compared_as_far_as_all_go(tmp_path: Path) -> None:
    """Of seeds with different last epochs, the epochs that all have count."""
    row = row_of(tmp_path, [settling(seed, epochs=70 + 10 * seed) for seed in range(4)])
    assert (row["kind"], row["n_seeds"]) == ("knee", 4)
    assert row["hours"] + row["hours_after"] == pytest.approx(71 / 3600, rel=0.03)


def test_thresholds_name_who_got_there(make_store: MakeStore) -> None:
    """First epochs that reach 60 % and 80 %: the median and range over the seeds that do, and how many do."""
    made = [
        make_result({"a": 1}, n, history=history("val_accuracy", v))
        for n, v in enumerate(([0.1, 0.7, 0.9], [0.1, 0.5, 0.7]))
    ]
    frame = reaching(make_store(made).root, "val_accuracy", [0.6, 0.8]).set_index("threshold")
    assert list(frame[["n_reached", "first", "first_low", "first_high"]].loc[0.6]) == [2, 1.5, 1, 2]
    assert list(frame[["n_seeds", "n_reached", "first"]].loc[0.8]) == [2, 1, 2]


def test_stretches_add_up_to_the_whole_gain(make_store: MakeStore) -> None:
    """The gains of the 1-2-5 stretches add up to the gain from the fresh model; what is lost again is negative."""
    values = np.append(settling(epochs=100, noise=0.0), [0.03] * 19 + [0.2])
    frame = marginal(make_store([make_result({"a": 1}, history=history("val_loss", values))]).root)
    assert frame["start"].tolist() == [0, 1, 2, 5, 10, 20, 50, 100]
    assert frame["gain"].sum() == pytest.approx(values[0] - values[-1])
    assert frame["gain"].iloc[-1] == pytest.approx(-0.17)


@pytest.mark.parametrize(("metric", "sign"), [("last_loss", 1), ("last_score", -1)])
def test_any_numeric_parameter_can_be_the_axis(metric: str, sign: int) -> None:
    """Along a parameter, the runs' summaries are the points, and the knee is one of them."""
    rng = np.random.default_rng(0)
    runs = [
        {"neurons": n, "seed": s, metric: sign / min(n, 16) + rng.normal(0, 1e-4), "time_s": 1.0}
        for n in (2, 4, 8, 16, 32, 64, 128)
        for s in range(4)
    ]
    made = results_of(runs, ["neurons"])
    object.__setattr__(made, "directions", {"score": "max"})
    row = knee(made, metric, axis="neurons").iloc[0]
    assert (row["knee"], row["n_seeds"], row["ci_low"], row["ci_high"]) == (16, 4, 8, 16)
    assert row["verdict"].startswith("pays off until about neurons 16 (")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axis": "optimizer"}, "is not a numeric parameter"),
        ({"axis": "neuron"}, 'did you mean "neurons"'),
        ({"percent": 0}, "between 0 and 100"),
        ({"gain": -1}, "a number above 0"),
        ({"gain_per_hour": float("nan")}, "a number above 0"),
        ({"gain": 1, "percent": 5}, "--percent and --gain: expected one of them"),
        ({"metric": "whim", "axis": "neurons"}, "no value is called"),
    ],
)
def test_a_wrong_wish_is_refused(options: dict[str, Any], message: str) -> None:
    """An axis without numbers, a price that is none, two prices and an unknown metric are refused in words."""
    runs = [{"neurons": n, "optimizer": o, "last_loss": 1.0} for n in (1, 2) for o in "ab"]
    with pytest.raises(UsageError, match=message):
        find_knee(results_of(runs, ["neurons", "optimizer"]), **{"metric": "loss", **options})
