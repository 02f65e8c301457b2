"""A study in a temporary folder, and one worker on it in this process."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from measuring import machine

BENCHMARKS = Path(__file__).parents[1]
JOB = "jobs/dense_job.py:train"


@contextmanager
def temporary_study() -> Iterator[Path]:
    """Make a folder with `jobs/` and `sweeps/`, removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="hpcsweep-benchmark-"))
    try:
        (root / "jobs").mkdir()
        (root / "sweeps").mkdir()
        shutil.copy(BENCHMARKS / "measuring" / "dense_job.py", root / "jobs")
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def write_sweep(root: Path, name: str, *, job: str = JOB, **sections: Any) -> Path:
    """Write sweeps/<name>.toml from keys and tables of one level."""
    lines = [f"name = {json.dumps(name)}", f"job = {json.dumps(job)}"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in sections.items() if not isinstance(value, Mapping)]
    for title, table in sections.items():
        if isinstance(table, Mapping):
            lines += [f"[{title}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    path = root / "sweeps" / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def work_on(sweep_path: Path) -> Any:
    """Plan the sweep and be its only worker, in this process; return the store."""
    from hpcsweep.launch.plan import make_plan
    from hpcsweep.launch.submission import manifest_of, write_submission
    from hpcsweep.store import DEFAULT_LEASE_S, Store
    from hpcsweep.sweep.load import load_sweep
    from hpcsweep.worker import work_loop

    sweep = load_sweep(sweep_path)
    store = Store(sweep.root / "results", lease_s=DEFAULT_LEASE_S)
    plan = make_plan(sweep, store.states(sweep.runs), set())
    submission = write_submission(plan, store, manifest_of(plan, store, plan.unfinished(failed=False)))
    # a worker trains in a child, but what is measured here is this process
    with _quiet(), patch.object(work_loop, "drain_in_children", lambda train, at_work, store, pace, stop: train(pace)):
        endings = work_loop.work(str(submission.path), 0, 1)
    if endings.get("failed"):
        failed = next(filter(None, (store.failure(one.id) for one in plan.trajectories)))
        raise SystemExit(f"a run of the benchmark failed: {failed.message}\n{failed.traceback}")
    return store


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the worker says from the table."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        yield


def environment() -> dict[str, str]:
    """Return the environment in which a worker process finds the job's imports."""
    import os

    paths = [str(BENCHMARKS), str(machine.REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "HPCSWEEP_STORE": ""}
