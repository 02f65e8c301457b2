"""Where more stops paying, and when that cannot be said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpcsweep.errors import UsageError
from hpcsweep.knee import knee, marginal, reaching
from tests.made_results import MakeStore, make_result, results_of


def history(values: Any) -> dict[str, Any]:
    """A history of `val_accuracy`, one second per epoch."""
    return {"epoch": range(len(values)), "val_accuracy": values, "seconds": [1.0] * len(values)}


def saturating(epochs: int, pace: float) -> Any:
    """From 0.1 to 0.9 with the given pace in epochs."""
    return 0.1 + 0.8 * (1 - np.exp(-np.arange(epochs + 1) / pace))


def test_the_knee_of_an_exponential_is_where_mathematics_puts_it(make_store: MakeStore) -> None:
    """For 1 - exp(-e/pace), 5 % of the gain remains after pace * ln(20) epochs."""
    made = [make_result({"epochs": 300}, seed, history=history(saturating(300, 20))) for seed in range(3)]
    row = knee(make_store(made).root, "val_accuracy").iloc[0]
    assert row["knee"] == np.ceil(20 * np.log(20))
    assert (row["n_seeds"], row["knee_low"], row["knee_high"]) == (3, row["knee"], row["knee"])
    assert row["gain_per_hour"] == pytest.approx(row["gain_per_step"] * 3600)
    assert row["gain_per_step_after"] < row["gain_per_step"] / 10
    assert row["verdict"].startswith("pays off until about 60 epochs (60 to 60 over 3 seeds)")


def test_what_still_rises_has_no_knee(make_store: MakeStore) -> None:
    """A curve that gains in its last quarter gives no answer, and says to go on."""
    row = knee(make_store([make_result({"a": 1}, history=history(np.linspace(0.1, 0.5, 50)))]).root).iloc[0]
    assert np.isnan(row["knee"])
    assert "still rising (1 of 1 seeds" in row["verdict"]


def test_dips_do_not_move_the_knee(make_store: MakeStore) -> None:
    """The best so far counts, so that a random dip is no loss and no gain."""
    values = saturating(300, 20)
    dipped = np.where(np.arange(301) % 7 == 3, values - 0.3, values)
    rows = [knee(make_store([make_result({"a": n}, history=history(v))]).root) for n, v in enumerate((values, dipped))]
    assert rows[1]["knee"].iloc[0] - rows[0]["knee"].iloc[0] in (0, 1)


def test_runs_of_one_trajectory_count_once(make_store: MakeStore) -> None:
    """Of runs that differ only in epochs the longest is used, since the others are part of it."""
    values = saturating(300, 20)
    made = [make_result({"epochs": n}, history=history(values[: n + 1])) for n in (10, 100, 300)]
    assert knee(make_store(made).root)["n_seeds"].tolist() == [1]


def test_thresholds_name_who_got_there(make_store: MakeStore) -> None:
    """First epochs that reach 60 % and 80 %: the median and range over the seeds that do, and how many do."""
    made = [make_result({"a": 1}, n, history=history(v)) for n, v in enumerate(([0.1, 0.7, 0.9], [0.1, 0.5, 0.7]))]
    frame = reaching(make_store(made).root, "val_accuracy", [0.6, 0.8]).set_index("threshold")
    assert list(frame[["n_reached", "first", "first_low", "first_high"]].loc[0.6]) == [2, 1.5, 1, 2]
    assert list(frame[["n_seeds", "n_reached", "first"]].loc[0.8]) == [2, 1, 2]


def test_stretches_add_up_to_the_whole_gain(make_store: MakeStore) -> None:
    """The gains of the 1-2-5 stretches add up to the gain from the fresh model to the best."""
    values = saturating(120, 30)
    frame = marginal(make_store([make_result({"a": 1}, history=history(values))]).root)
    assert frame["start"].tolist() == [0, 1, 2, 5, 10, 20, 50, 100]
    assert frame["gain"].sum() == pytest.approx(values[-1] - values[0])


def test_any_numeric_parameter_can_be_the_axis() -> None:
    """Along a parameter, the runs' summaries are the points; a loss counts downwards."""
    runs = [
        {"neurons": n, "seed": s, "last_loss": 1.0 / min(n, 16)} for n in (2, 4, 8, 16, 32, 64, 128) for s in range(2)
    ]
    row = knee(results_of(runs, ["neurons"]), "loss", axis="neurons").iloc[0]
    assert (row["knee"], row["n_seeds"]) == (16, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axis": "optimizer"}, "is not a numeric parameter"),
        ({"axis": "neuron"}, 'did you mean "neurons"'),
        ({"percent": 0}, "between 0 and 100"),
        ({"metric": "whim", "axis": "neurons"}, "no value is called"),
    ],
)
def test_a_wrong_wish_is_refused(options: dict[str, Any], message: str) -> None:
    """An axis without numbers, a share that is none, an unknown metric or direction are refused in words."""
    runs = [{"neurons": n, "optimizer": o, "last_loss": 1.0} for n in (1, 2) for o in "ab"]
    with pytest.raises(UsageError, match=message):
        knee(results_of(runs, ["neurons", "optimizer"]), **{"metric": "loss", **options})
