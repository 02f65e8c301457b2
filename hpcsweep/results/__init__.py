"""What came out: the results of a sweep or a store as tidy pandas frames.

from hpcsweep import results
runs = results.runs("sweeps/quickstart.toml")        # one row a run
history = results.history("sweeps/quickstart.toml")  # one row an epoch
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hpcsweep.results.export import export, read_export
from hpcsweep.results.frames import Results
from hpcsweep.results.loading import find, load, of_store, of_sweep
from hpcsweep.results.record import diff, record_of

__all__ = [
    "Results",
    "diff",
    "export",
    "find",
    "history",
    "load",
    "of_store",
    "of_sweep",
    "read_export",
    "record_of",
    "runs",
]


def runs(path: str | Path, *, store: str | Path | None = None) -> pd.DataFrame:
    """Return one row a run of a sweep file (also of those not finished) or of a store's folder.

    Columns: `id`, `state` (new, running, resumable, failed, corrupt, diverged, done), `seed`; the job's parameters
    under their own names; `{last,min,max,mean}_{metric}` over the epochs from 1 on; what the job returned;
    `reached_epoch`, `best_epoch`, `collapsed_classes` (how many classes a classifier never gets right), `time_s`,
    `device`, `engine`, `backend`, `commit`, `job_sha256`, `host`, `started`, `ended`, `cause`, `trajectory`, `job`.
    A column of ours that has the name of a parameter is called `run_<name>`; a returned metric that was logged by
    epoch as well is `final_<name>`. `time_s` and `seconds` are seconds.
    """
    return load(path, store=store).runs


def history(path: str | Path, *, store: str | Path | None = None) -> pd.DataFrame:
    """Return one row an epoch of each finished run: `id`, `epoch` (0 is the fresh model), the metrics, `seconds`."""
    return load(path, store=store).history()
