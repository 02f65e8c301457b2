"""Which runs a question is about, and that nothing of any other run is in the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpcsweep.errors import UsageError
from hpcsweep.results import load
from hpcsweep.results.query.select import select
from hpcsweep.results.query.values import default_value, find_column
from hpcsweep.store.results import publish_result
from hpcsweep.tables import table
from tests.made_results import make_result, make_study

OTHER_JOB = "jobs/other.py:train"


def mixed_study(root: Path) -> Path:
    """Return the sweep file of a study in whose store another job has left 25 results, all of them cached."""
    study = make_study(root)
    for n in range(25):
        history = {"epoch": [1, 2], "val_auc": [0.5, 0.5 + n / 100], "loss": [float("nan")] * 2}
        other = make_result({"width": n}, history=history, metrics={"score": n})
        other = replace(other, job=OTHER_JOB)
        folder = study.store.folder(other.trajectory)
        folder.path.mkdir(parents=True, exist_ok=True)
        publish_result(folder, other, 1)
    load(study.store)  # fills the cache
    return study.sweep


def test_a_sweep_knows_nothing_of_other_sweeps_of_its_store(tmp_path: Path) -> None:
    """Metrics, columns, parameters and error messages are those of its own runs, whatever else the store has cached."""
    sweep = mixed_study(tmp_path)
    results = load(sweep)
    assert results.metrics == ("loss", "val_accuracy", "seconds")
    assert results.parameters == ("layers", "optimizer", "epochs")
    assert not {name for name in results.own if "auc" in name or name == "score"}
    assert set(results.history()) == {"id", "epoch", *results.metrics}
    with pytest.raises(UsageError) as refused:
        find_column(results, "val_auk")
    assert "val_auc" not in str(refused.value)


def test_a_part_of_a_store_knows_nothing_of_its_other_jobs(tmp_path: Path) -> None:
    """--where by the job leaves out the parameters, metrics and returned values that only other jobs have."""
    sweep = mixed_study(tmp_path)
    others = select(load(sweep.parents[1] / "results"), f"job == '{OTHER_JOB}'")
    assert (others.parameters, others.returned) == (("width",), ("score",))
    assert "val_accuracy" not in others.metrics
    assert default_value(others) == "last_val_auc"
    assert default_value(select(load(sweep), "layers == 2")) == "last_val_accuracy"


def test_the_metric_of_a_function_job_is_found(tmp_path: Path) -> None:
    """Without a wish a table shows what these runs returned, though another sweep of the store logged val_accuracy."""
    sweep = mixed_study(tmp_path)
    results = select(load(sweep.parents[1] / "results"), f"job == '{OTHER_JOB}'")
    returned_only = replace(results, metrics=())
    made = table(returned_only)
    assert made.spec.values == ("score",)
    assert all(cell.n == 1 for cell in made.cells.values())
