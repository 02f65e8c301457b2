"""Which way a metric is better, as the sweep file says it, wherever results are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep import figures, results
from hpcsweep.errors import UsageError
from hpcsweep.knee import knee
from hpcsweep.launch.plan import make_plan
from hpcsweep.launch.submission import manifest_of, write_submission
from hpcsweep.report.answer import values_of
from hpcsweep.store import Store
from hpcsweep.store.results import publish_result
from hpcsweep.sweep.load import load_sweep
from hpcsweep.tables import table
from tests.made_results import MakeStore, make_result

SWEEP = 'name = "{name}"\njob = "jobs/toy.py:train"\nrepeats = 3\n[grid]\nlayers = [1, 2]\n{more}'
DICE = '[metrics]\nval_dice = "{way}"\n'


def offered(read: results.Results) -> list[str]:
    """Return the values of `val_dice` that the report offers."""
    return [value["name"] for value in values_of(read) if value["name"].endswith("val_dice")]


def submitted(root: Path, name: str, more: str) -> Path:
    """Submit a sweep whose runs log `dice` and `val_dice`, finish them, and return the sweep file's path."""
    (root / "jobs").mkdir(exist_ok=True)
    (root / "jobs" / "toy.py").write_text("def train(run, *, layers: int):\n    pass\n")
    path = root / f"{name}.toml"
    path.write_text(SWEEP.format(name=name, more=more))
    sweep, store = load_sweep(path), Store(root / "results")
    plan = make_plan(sweep, store.states(sweep.runs))
    write_submission(plan, store, manifest_of(plan, store, plan.trajectories))
    for run in sweep.runs:
        curve = np.array([0.1, 0.3, 0.9, 0.5]) * (int(str(run.params["layers"])) / 2 + run.seed / 1000)
        columns: dict[str, Any] = {"epoch": range(4), "dice": curve, "val_dice": curve / 2, "seconds": [1.0] * 4}
        made = make_result(dict(run.params), run.seed, history=columns)
        folder = store.folder(run.trajectory)
        folder.path.mkdir(parents=True, exist_ok=True)
        publish_result(folder, replace(made, id=run.id, trajectory=run.trajectory), 1)
    return path


@pytest.mark.parametrize(("way", "best_layers", "best_epoch"), [("max", 2, 2), ("min", 1, 1)])
def test_a_store_alone_knows_what_its_sweeps_declared(
    tmp_path: Path, way: str, best_layers: int, best_epoch: int
) -> None:
    """Read by its sweep file or as a folder, the same cell is best, the same epoch, and the same columns are shown."""
    path = submitted(tmp_path, "one", DICE.format(way=way))
    for source in (path, tmp_path / "results"):
        made = table(source, values=["last_dice"])
        assert {row for row, _, _ in made.best} == {(best_layers,)}
        assert results.runs(source)["best_epoch"].tolist() == [best_epoch] * 6
        read = results.load(source)
        assert offered(read) == ["last_val_dice", f"{way}_val_dice"]
    assert knee(path, "val_dice")["metric"].tolist() == ["val_dice", "val_dice"]
    assert figures.plot(path, "gap", metrics=["dice"]) is not None


def test_the_best_epoch_is_that_of_the_best_columns(make_store: MakeStore) -> None:
    """What the stop rule watched decides on the best epoch and its values; without a rule the accuracy does."""
    history = {"epoch": range(4), "val_loss": [3.0, 1.0, 2.0, 2.0], "val_accuracy": [0.1, 0.2, 0.9, 0.5]}
    made = [make_result({"a": n}, history=history, facts=facts) for n, facts in enumerate([{"best_epoch": 1}, {}])]
    frame = results.runs(make_store(made).root).sort_values("a")
    assert frame["best_epoch"].tolist() == [1, 2]
    assert frame["best_val_accuracy"].iloc[0] == 0.2
    assert np.isnan(frame["best_val_accuracy"].iloc[1])


def test_without_a_direction_nothing_is_said_of_better(tmp_path: Path) -> None:
    """Knee and gap are refused in one line that says what to type, the best epoch is unknown, both ends are shown."""
    path = submitted(tmp_path, "one", "")
    typed = r'it is not known whether more or less is better; say it .*: \[metrics\] (val_)?dice = "max" or "min"'
    with pytest.raises(UsageError, match=typed):
        knee(path, "val_dice")
    with pytest.raises(UsageError, match=typed):
        figures.plot(path, "gap", metrics=["dice"])
    assert results.runs(path)["best_epoch"].isna().all()
    assert offered(results.load(path)) == ["last_val_dice", "min_val_dice", "max_val_dice"]


def test_the_last_word_of_a_sweep_counts(tmp_path: Path) -> None:
    """A sweep that is submitted again with another direction is read with that one."""
    submitted(tmp_path, "one", DICE.format(way="min"))
    submitted(tmp_path, "one", DICE.format(way="max"))
    assert results.load(tmp_path / "results").better("max_val_dice") == "max"


def test_sweeps_of_a_store_may_contradict_each_other(tmp_path: Path) -> None:
    """Then nothing is marked for the store as a whole, and the note says why; each sweep has its own best."""
    submitted(tmp_path, "one", DICE.format(way="max"))
    path = submitted(tmp_path, "two", DICE.format(way="min"))
    whole = table(tmp_path / "results", values=["last_val_dice"])
    assert not whole.best
    said = "the sweeps of this store contradict each other in [metrics]; name a sweep file instead"
    assert f"No best is marked for last_val_dice: {said}." in whole.notes
    assert table(path, values=["last_val_dice"]).best
