"""Plans: states, counts, trajectories, and what workers are given to read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpcsweep.launch.plan import Plan, make_plan
from hpcsweep.launch.submission import manifest_of, write_submission
from hpcsweep.store import Store
from hpcsweep.store.manifest import ManifestRun, read_manifest
from hpcsweep.sweep.load import Sweep, load_sweep
from tests.conftest import ENVIRONMENT


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Return a sweep of 4 runs on 2 trajectories: layers 2 and 3, epochs 10 and 5."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "dense.py").write_text("def train(run, *, layers: int, epochs: int, rate: float = 0.1): ...")
    path = tmp_path / "s.toml"
    path.write_text('name = "s"\njob = "jobs/dense.py:train"\n[grid]\nlayers = [2, 3]\nepochs = [10, 5]\n')
    return load_sweep(path)


def plan_of(sweep: Sweep, *states: str) -> Plan:
    """Return the plan where the store knows the first runs by these states."""
    return make_plan(sweep, dict(zip([run.id for run in sweep.runs], states, strict=False)))


def test_new_sweep_is_all_new(sweep: Sweep) -> None:
    """What the store does not know is new."""
    plan = plan_of(sweep)
    assert plan.counts == {"new": 4, "done": 0, "resumable": 0, "failed": 0, "removed": 0}
    assert len(plan.trajectories) == len(plan.unfinished()) == 2


@pytest.mark.parametrize(
    ("stored", "planned"),
    [
        ("done", "done"),
        ("diverged", "done"),
        ("failed", "failed"),
        ("resumable", "resumable"),
        ("running", "resumable"),
    ],
)
def test_states(sweep: Sweep, stored: str, planned: str) -> None:
    """A diverged run is done, and a running one is counted with the resumable."""
    plan = plan_of(sweep, stored)
    assert plan.states == [planned, "new", "new", "new"]
    assert plan.counts[planned] == 1


def test_removed_are_the_runs_of_last_time(sweep: Sweep) -> None:
    """Runs that an earlier form of the sweep had are counted as removed."""
    plan = make_plan(sweep, {}, previous=["f" * 64, sweep.runs[0].id])
    assert (plan.counts["removed"], plan.removed) == (1, ["f" * 64])


def test_unfinished_are_those_with_something_left(sweep: Sweep) -> None:
    """A trajectory is finished when all its runs are; one that failed is left out unless asked for."""
    assert [one.params["layers"] for one in plan_of(sweep, "done", "done").unfinished()] == [3]
    assert [one.params["layers"] for one in plan_of(sweep, "new", "done").unfinished()] == [2, 3]
    assert [one.params["layers"] for one in plan_of(sweep, "failed").unfinished()] == [3]
    assert [one.params["layers"] for one in plan_of(sweep, "failed").unfinished(failed=True)] == [2, 3]


def test_json_is_as_documented(sweep: Sweep) -> None:
    """The JSON has the sweep, counts, the number of trajectories, and each run's id, seed, params and state."""
    report = plan_of(sweep, "done").to_json()
    assert list(report) == ["sweep", "counts", "trajectories", "runs"]
    assert (report["sweep"], report["trajectories"]) == ("s", 2)
    assert report["runs"][0] == {
        "id": sweep.runs[0].id,
        "seed": 0,
        "params": {"layers": 2, "epochs": 10, "rate": 0.1},
        "state": "done",
    }
    assert json.loads("".join(plan_of(sweep, "done").json_pieces())) == report


def test_planning_changes_nothing(sweep: Sweep) -> None:
    """Planning twice gives equal plans, and leaves the sweep's runs as they were."""
    before = list(sweep.runs)
    assert plan_of(sweep, "done") == plan_of(sweep, "done")
    assert sweep.runs == before


def test_the_manifest_gives_workers_all_they_need(sweep: Sweep, tmp_path: Path) -> None:
    """What workers read back is each unfinished trajectory, its runs in increasing epochs with all parameters."""
    store = Store(tmp_path / "store")
    plan = plan_of(sweep)
    orders = manifest_of(plan, store, plan.unfinished())
    manifest = read_manifest(write_submission(plan, store, orders).manifest)
    assert (manifest.sweep, manifest.job, manifest.root) == ("s", "jobs/dense.py:train", sweep.root)
    assert [trajectory.id for trajectory in manifest.trajectories] == [one.id for one in plan.trajectories]
    assert manifest.trajectories[0].params == {"layers": 2, "rate": 0.1}
    assert manifest.trajectories[0].runs == (
        ManifestRun(sweep.runs[1].id, {"layers": 2, "rate": 0.1, "epochs": 5}),
        ManifestRun(sweep.runs[0].id, {"layers": 2, "rate": 0.1, "epochs": 10}),
    )


def test_planning_imports_nothing_heavy(sweep: Sweep) -> None:
    """Reading and planning a sweep imports no TensorFlow, Keras, pandas, NumPy or matplotlib."""
    program = (
        "import sys, pathlib; from hpcsweep.sweep.load import load_sweep; from hpcsweep.launch.plan import make_plan;"
        "make_plan(load_sweep(pathlib.Path(sys.argv[1])), {});"
        "print(*{'tensorflow', 'keras', 'pandas', 'numpy', 'matplotlib', 'submitit'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(sweep.path)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
