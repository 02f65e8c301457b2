"""Exports for other tools, read back by these tools themselves."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpcsweep.errors import MissingPackageError, UsageError
from hpcsweep.results import export_mlflow, export_tensorboard, load
from hpcsweep.results.outward import MARK
from tests.made_results import MakeStore, make_result


@pytest.fixture
def results(make_store: MakeStore) -> Any:
    """Two runs: one done, with odd values among its parameters, and one that diverged."""
    history = {"epoch": [0, 1, 2], "val_accuracy": [0.1, 0.5, 0.123456789012345678], "loss": [2.3, 1.0, np.nan]}
    odd = {"layers": 2, "sizes": [8, 4], "rate": 0.1, "path": "../a/b", "name": None, "state": "x"}
    made = [make_result(odd, 3, history=history, metrics={"score": 0.75})]
    made.append(make_result({**odd, "layers": 3}, 3, outcome="diverged", history=history))
    return load(make_store(made))


@pytest.mark.training
def test_tensorboard_reads_scalars_and_hparams(results: Any, tmp_path: Path) -> None:
    """TensorBoard's own reader finds each metric at each epoch, and the parameters with their types; twice is once."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import plugin_data_pb2

    for _ in range(2):
        assert export_tensorboard(results, tmp_path / "tb") == 2
    folders = sorted(path for path in (tmp_path / "tb").iterdir() if path.is_dir())
    assert (len(folders), [path.name for path in tmp_path.iterdir()].count("tb")) == (2, 1)
    read = EventAccumulator(str(folders[0])).Reload()
    steps = [(one.step, one.value) for one in read.Scalars("val_accuracy")]
    assert steps == [(0, np.float32(0.1)), (1, np.float32(0.5)), (2, np.float32(0.123456789012345678))]
    assert [one.value for one in read.Scalars("score")] == [0.75]
    contents = read.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    hparams = plugin_data_pb2.HParamsPluginData.FromString(contents).session_start_info.hparams
    assert hparams["layers"].number_value == 2
    assert (hparams["sizes"].string_value, hparams["name"].string_value) == ("[8, 4]", "None")
    assert (hparams["state"].string_value, hparams["run_state"].string_value) == ("x", "done")


@pytest.mark.training
@pytest.mark.filterwarnings("ignore")  # of MLflow's own calls
def test_mlflow_reads_runs_params_and_metrics(results: Any, tmp_path: Path) -> None:
    """MLflow's own client finds the runs, their parameters, each metric at each step to the bit, and how they ended."""
    from mlflow import MlflowClient

    for _ in range(2):
        assert export_mlflow(results, tmp_path / "ml") == 2
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'ml' / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string=f"name = '{results.title}'")
    found = {run.data.params["layers"]: run for run in client.search_runs([experiment.experiment_id])}
    assert {layers: run.info.status for layers, run in found.items()} == {"2": "FINISHED", "3": "FAILED"}
    run = found["2"]
    assert (run.data.params["sizes"], run.data.params["run_seed" if "seed" in results.parameters else "seed"]) == (
        "[8, 4]",
        "3",
    )
    assert run.data.tags["hpcsweep.id"] in results.column("id").tolist()
    history = client.get_metric_history(run.info.run_id, "val_accuracy")
    assert sorted((one.step, one.value) for one in history) == [(0, 0.1), (1, 0.5), (2, 0.123456789012345678)]


def test_nothing_of_somebody_else_is_replaced(results: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that holds no earlier export is refused, and is as it was; an export that fails leaves the old one."""
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UsageError, match="no export"):
        export_tensorboard(results, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name == "mine"]
    export_tensorboard(results, tmp_path / "tb")
    before = sorted(path for path in (tmp_path / "tb").rglob("*"))
    monkeypatch.setattr("hpcsweep.results.to_tensorboard.finished_runs", lambda results: iter([_Broken()]))
    with pytest.raises(RuntimeError):
        export_tensorboard(results, tmp_path / "tb")
    assert sorted(path for path in (tmp_path / "tb").rglob("*")) == before
    assert (tmp_path / "tb" / MARK).exists()


class _Broken:
    id = "x"

    @property
    def name(self) -> str:
        raise RuntimeError


def test_a_missing_library_is_one_line(results: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without MLflow or TensorBoard, one line says what to install."""
    found = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("mlflow", "tensorboard"):
            raise ImportError(f"No module named {name!r}")
        return found(name, *rest, **more)

    monkeypatch.setattr("builtins.__import__", without)
    for export, extra in ((export_mlflow, "mlflow"), (export_tensorboard, "tensorboard")):
        with pytest.raises(MissingPackageError, match=rf"pip install 'hpcsweep\[{extra}\]'"):
            export(results, tmp_path / "out")
    assert not (tmp_path / "out").exists()
