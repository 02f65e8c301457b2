"""Runs as an MLflow database: one file, which MLflow's page and client read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hpcsweep.results.loading import ResultsSource
from hpcsweep.results.outward import OutwardRun, finished_runs, needed, replaced_folder
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.select import results_of
from hpcsweep.store.opening import StoreSource

DATABASE = "mlflow.db"
_BATCH = 1000  # metrics that MLflow takes at once
_MS = 1000


def export_mlflow(
    source: ResultsSource, folder: str | Path, *, where: str | None = None, store: StoreSource = None
) -> int:
    """Write the finished runs of a sweep, a store or results to `mlflow.db` in a folder; return how many.

    `mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db` shows them. Metrics are by epoch (the step), what a job
    returned is a metric too; state, notes, tags and origins are tags of MLflow. Letters that MLflow does not take in
    names become "_". An earlier export in `folder` is replaced. UsageError if something else is there,
    MissingPackageError without MLflow.
    """
    with needed("mlflow"):
        import sqlalchemy  # noqa: F401  which mlflow-skinny leaves out
        from mlflow import MlflowClient
    folder = Path(folder).absolute()
    results = results_of(source, where=where, store=store)
    runs = list(finished_runs(results))
    with replaced_folder(folder) as new:
        client = MlflowClient(tracking_uri=f"sqlite:///{new / DATABASE}")
        experiment = client.create_experiment(results.title, artifact_location=(folder / "artifacts").as_uri())
        for run in runs:
            _write(client, experiment, run)
    return len(runs)


def _write(client: Any, experiment: str, run: OutwardRun) -> None:
    from mlflow.entities import Metric, Param

    begin, end = (round((seconds or 0.0) * _MS) for seconds in (run.started_s, run.ended_s or run.started_s))
    tags = {f"hpcsweep.{name}": text for name, text in {"id": run.id, **run.facts}.items()}
    made = client.create_run(experiment, start_time=begin, tags=tags, run_name=run.name)
    params = [Param(_name(name), key_text(value)) for name, value in run.params.items()]
    points = [(name, epoch, value) for name, steps in run.history.items() for epoch, value in steps]
    last = max((epoch for _, epoch, _ in points), default=0)
    points += [(name, last, value) for name, value in run.final.items() if name not in run.history]
    metrics = [Metric(_name(name), value, begin, epoch) for name, epoch, value in points]
    for at in range(0, len(params), 100):
        client.log_batch(made.info.run_id, params=params[at : at + 100])
    for at in range(0, len(metrics), _BATCH):
        client.log_batch(made.info.run_id, metrics=metrics[at : at + _BATCH])
    client.set_terminated(made.info.run_id, "FAILED" if run.has_failed else "FINISHED", end)


def _name(text: str) -> str:
    return re.sub(r"[^\w./ :-]", "_", text)
