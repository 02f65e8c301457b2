"""The frames of runs and of histories."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpcsweep import results
from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.tables import render, table
from tests.made_results import MakeStore, make_result


def test_a_run_is_one_row_with_its_parameters_and_summaries(make_store: MakeStore) -> None:
    """A finished run gives one row: id, state, seed, parameters, summaries over epochs from 1 on, and facts."""
    result = make_result({"layers": 2, "optimizer": "adam"}, 7, metrics={"score": 0.5, "loss": 0.25})
    row = results.runs(make_store([result]).root).iloc[0]
    assert row["id"] == result.id
    assert (row["state"], row["seed"], row["layers"], row["optimizer"]) == ("done", 7, 2, "adam")
    summary = [row[f"{name}_loss"] for name in ("last", "min", "max", "mean")]
    assert summary == pytest.approx([0.4, 0.4, 1.0, (1 + 0.5 + 0.4) / 3])
    assert (row["score"], row["final_loss"]) == (0.5, 0.25)
    assert (row["reached_epoch"], row["best_epoch"], row["time_s"], row["device"]) == (3, 3, 1.5, "cpu")


def test_how_many_weights_a_net_has_heads_rows_and_fills_cells(make_store: MakeStore) -> None:
    """The number of weights that a worker recorded is a value of tables and a key of rows; other runs have none."""
    made = [make_result({"width": n}, facts={"parameters": 10 * n} if n < 3 else {}) for n in (1, 2, 3)]
    root = make_store(made).root
    as_value = json.loads(render(table(root, rows=["width"], values=["parameters"]), "json"))
    assert [cell["mean"] for cell in as_value] == [10.0, 20.0, None]
    as_key = json.loads(render(table(root, rows=["parameters"], values=["last_loss"], where="width < 3"), "json"))
    assert [cell["parameters"] for cell in as_key] == [10, 20]


def test_history_has_epoch_0_and_one_row_an_epoch(make_store: MakeStore) -> None:
    """The history frame keeps every logged epoch, the fresh model's included, exactly as it was logged."""
    made = [make_result({"a": number}, history={"epoch": range(4), "loss": np.random.rand(4)}) for number in range(3)]
    frame = results.history(make_store(made).root)
    assert len(frame) == 12
    for result in made:
        mine = frame[frame["id"] == result.id]
        assert mine["epoch"].tolist() == [0, 1, 2, 3]
        assert mine["loss"].tolist() == result.history["loss"].tolist()


def test_summaries_equal_those_of_pandas(make_store: MakeStore) -> None:
    """Summaries are what pandas computes for the epochs from 1 on, gaps passed over."""
    rng = np.random.default_rng(1)
    made = []
    for number in range(8):
        values = rng.normal(size=number + 1)
        values[rng.random(number + 1) < 0.3] = np.nan
        made.append(make_result({"a": number}, history={"epoch": range(number + 1), "x": values, "loss": values + 1}))
    root = make_store(made).root
    history = results.history(root)
    expected = history[history["epoch"] >= 1].groupby("id", observed=False)["x"].agg(["last", "min", "max", "mean"])
    found = results.runs(root).set_index("id")
    for name in expected:
        np.testing.assert_allclose(found[f"{name}_x"], expected[name].loc[found.index], rtol=1e-14)


def test_a_parameter_keeps_its_name_and_ours_moves(make_store: MakeStore) -> None:
    """A parameter named as one of our columns keeps the name; our column is then called run_<name>."""
    params = {"state": "solid", "last_loss": 5, "device": "oven", "id": 3, "run_id": 4, "seed": 9}
    row = results.runs(make_store([make_result(params, 1)]).root).iloc[0]
    assert {name: row[name] for name in params} == params
    assert (row["run_state"], row["run_last_loss"], row["run_device"], row["run_seed"]) == ("done", 0.4, "cpu", 1)
    assert len(row["run_run_id"]) == 64


def test_values_of_any_kind_stay_what_they_are(make_store: MakeStore) -> None:
    """None, lists and mixed values are kept as such (lists as tuples, to be usable as keys), whole numbers exactly."""
    values = [None, [8, 8], [[1], []], "x", True, 2, 0.1]
    frame = results.runs(make_store([make_result({"v": value, "n": 2**62 + 1}) for value in values]).root)
    assert set(frame["v"]) == {None, (8, 8), ((1,), ()), "x", True, 2, 0.1}
    assert frame["n"].tolist() == [2**62 + 1] * len(values)


def test_a_job_without_history_is_a_row_too(make_store: MakeStore) -> None:
    """A plain function that logs nothing has its returned numbers, and no epochs."""
    root = make_store([make_result({"x": 1}, history={}, metrics={"y": 2.0}), make_result({"x": 2})]).root
    frame = results.runs(root).set_index("x")
    assert frame.loc[1, "y"] == 2.0
    assert np.isnan(frame["last_loss"][1])
    assert len(results.history(root)) == 4


def test_a_damaged_result_is_corrupt_and_says_why(make_store: MakeStore) -> None:
    """A result whose hash does not match is a row with the state corrupt, and its numbers are not shown."""
    made = [make_result({"x": number}) for number in range(3)]
    store = make_store(made)
    path = store.folder(made[1].trajectory).result(made[1].id)
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    frame = results.runs(store.root).set_index("id")
    assert frame["state"].value_counts().to_dict() == {"done": 2, "corrupt": 1}
    assert np.isnan(frame["last_loss"][made[1].id])
    assert "SHA-256" in frame["cause"][made[1].id]


def test_a_newer_result_is_not_corrupt_and_hides_no_other(make_store: MakeStore) -> None:
    """A result that a later release wrote has a state of its own, with other advice; the others are as they were."""
    made = [make_result({"x": number}) for number in range(3)]
    store = make_store(made)
    path = store.folder(made[1].trajectory).result(made[1].id)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    frame = results.runs(store.root).set_index("id")
    assert frame["state"].value_counts().to_dict() == {"done": 2, "of a newer hpcsweep": 1}
    assert "update hpcsweep" in frame["cause"][made[1].id]
    assert frame["last_loss"].notna().sum() == 2


def test_infinity_and_nan_of_a_diverged_run_survive(make_store: MakeStore) -> None:
    """A diverged run is a row in the state diverged; an infinite loss is not mistaken for a missing one."""
    made = make_result({"x": 1}, outcome="diverged", history={"epoch": [0, 1, 2], "loss": [1.0, np.inf, np.nan]})
    row = results.runs(make_store([made]).root).iloc[0]
    assert (row["state"], row["max_loss"], row["min_loss"]) == ("diverged", np.inf, np.inf)


def test_an_empty_store_gives_empty_frames(make_store: MakeStore) -> None:
    """A store without results gives frames without rows, not an error."""
    root = make_store([]).root
    assert len(results.runs(root)) == 0
    assert len(results.history(root)) == 0
    assert {"id", "state", "seed"} <= set(results.runs(root))


def test_a_path_that_is_neither_is_refused(tmp_path: Path) -> None:
    """A path that is neither a sweep file nor a store is refused in words."""
    with pytest.raises(UsageError, match="is not a store"):
        results.runs(tmp_path)
    with pytest.raises(UsageError, match="no such file or folder"):
        results.runs(tmp_path / "nothing")


def test_a_prefix_names_a_run_or_says_why_not(make_store: MakeStore) -> None:
    """A unique prefix of an id finds the run; one that fits none or several is refused in words, exit code 3."""
    made = [make_result({"x": number}) for number in range(40)]
    store = make_store(made)
    assert store.find_run(made[0].id[:12]) == (made[0].trajectory, made[0].id)
    assert results.show(store.root, made[0].id[:12].upper())["id"] == made[0].id
    with pytest.raises(NothingSelectedError, match="an id that begins with"):
        results.show(store.root, "zz")
    with pytest.raises(NothingSelectedError, match="40 runs have ids"):
        store.find_run("")


def test_a_run_is_found_beside_files_of_others(make_store: MakeStore) -> None:
    """A file that lies among the sweeps, or a manifest of another version, keeps nobody from naming a run."""
    made = make_result({"x": 1})
    store = make_store([made])
    foreign = store.layout.submission("other", "20300101-000000-000")
    foreign.path.mkdir(parents=True)
    foreign.manifest.write_text('{"format": 99}\n')
    (store.layout.sweeps / "notes.txt").write_text("mine\n")
    assert store.layout.sweep_names() == ["other"]
    assert store.find_run(made.id[:12]) == (made.trajectory, made.id)
    assert results.runs(store.root)["id"].tolist() == [made.id]


def test_frames_are_the_same_through_the_cache(make_store: MakeStore) -> None:
    """The second reading, from the cache, gives equal frames."""
    made = [make_result({"x": n}, history={"epoch": range(n + 1), "loss": np.random.rand(n + 1)}) for n in range(25)]
    root = make_store(made).root
    first, first_history = results.runs(root), results.history(root)
    assert list((root / "cache").iterdir())
    pd.testing.assert_frame_equal(results.runs(root), first)
    pd.testing.assert_frame_equal(results.history(root), first_history)


def test_returned_numbers_never_hide_each_other_or_ours(make_store: MakeStore) -> None:
    """A job may return numbers of any name: each has a column of its own, and ours stay what they are."""
    metrics = {"loss": 1.0, "final_loss": 2.0, "state": 3.0, "time_s": 4.0, "last_loss": 5.0}
    row = results.runs(make_store([make_result({"x": 1}, metrics=metrics)]).root).iloc[0]
    assert (row["state"], row["time_s"], row["last_loss"]) == ("done", 1.5, 0.4)
    assert [row[f"final_{name}"] for name in ("loss", "state", "time_s", "last_loss")] == [1.0, 3.0, 4.0, 5.0]
    assert row["run_final_loss"] == 2.0
