"""What came out: the results of a sweep or a store as tidy pandas frames.

```python
from hpcsweep import results
runs = results.runs("sweeps/quickstart.toml")        # one row per run
history = results.history("sweeps/quickstart.toml")  # one row per epoch
```

What reads results also imports `frames` (the Results value), `query` (select, conditions, values and their labels),
`summaries` (names such as max_accuracy), `origins` (by what runs were made) and, for `show`, `describe`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from hpcsweep.errors import UsageError
from hpcsweep.results.export import export, read_export
from hpcsweep.results.frames import Results
from hpcsweep.results.kept import BestModel, best_model, files_left_out, kept_files, model
from hpcsweep.results.loading import ResultsSource, load, of_store, of_sweep
from hpcsweep.results.one_run import diff_of, record_of
from hpcsweep.results.to_mlflow import export_mlflow
from hpcsweep.results.to_tensorboard import export_tensorboard
from hpcsweep.store.opening import Source, StoreSource, open_source

__all__ = [
    "BestModel",
    "Results",
    "ResultsSource",
    "best_model",
    "diff",
    "diff_of",
    "export",
    "export_mlflow",
    "export_tensorboard",
    "files_left_out",
    "history",
    "kept_files",
    "load",
    "model",
    "of_store",
    "of_sweep",
    "read_export",
    "record_of",
    "runs",
    "show",
]


def runs(source: ResultsSource, *, store: StoreSource = None) -> pd.DataFrame:
    """Return one row per run of a sweep file, finished or not, or of a store's folder.

    Columns: `id`, `state` (new, running, resumable, failed, corrupt, diverged, done), `seed`; the job's parameters
    under their own names; `{last,min,max,mean}_{metric}` over the epochs from 1 on, and `best_{metric}` in the best
    epoch by the stop rule, where there is one; what the job returned; `reached_epoch`; `best_epoch` (by the stop rule,
    else by val_accuracy, val_loss, accuracy, loss or what [metrics] declares, the first that the run has);
    `notes` (what went wrong, in the words of `run_notes.WORDS`), `collapsed_classes` (how many classes a classifier
    gets right less than a quarter as often as by guessing), `time_s`, `parameters` (how many weights a Keras model
    has), `device`, `engine`, `backend`, `commit`, `job_sha256`, `host`, `started`, `ended`, `cause`, `trajectory`,
    `job`.
    A column of ours that has the name of a parameter is called `run_<name>`; a returned metric that was also logged
    by epoch is called `final_<name>`. `time_s` is in seconds.
    """
    return load(source, store=store).runs


def history(source: ResultsSource, *, store: StoreSource = None) -> pd.DataFrame:
    """Return one row per epoch of each finished run: `id`, `epoch` (0 is the fresh model), the metrics, `seconds`."""
    return load(source, store=store).history()


def show(source: Source, run: str, *, store: StoreSource = None) -> dict[str, Any]:
    """Return everything recorded of one run as JSON can hold it; the run is named by any unique beginning of its id.

    `source` is a sweep, or a store (its folder). Raises NothingSelectedError if the id fits no run or several.
    """
    opened = open_source(source, store=store)[1]
    return record_of(opened, *opened.find_run(run))


def diff(source: Source, *runs: str, store: StoreSource = None) -> pd.DataFrame:
    """Return one row for each thing in which finished runs differ; see `diff_of` for the columns.

    `runs` are two or more unique beginnings of ids. Raises UsageError for fewer.
    """
    if len(runs) < 2:
        raise UsageError(f"found {len(runs)} runs, expected two or more; type: hpcsweep diff RUN RUN")
    opened = open_source(source, store=store)[1]
    return diff_of(opened, [opened.find_run(run) for run in runs])
