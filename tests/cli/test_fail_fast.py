"""A sweep whose job cannot begin stops at once, with the error, and the same command goes on when that is mended."""

from __future__ import annotations

import json
from collections import Counter

from tests.conftest import Study

SWEEP = 'name = "s"\njob = "jobs/s.py:train"\n[grid]\nx = [0, 1, 2, 3, 4, 5, 6, 7]\n'
GOOD = "def train(run, *, x: int):\n    return {'x': x}\n"


def states(study: Study) -> Counter[str]:
    """Return how many runs are in which state."""
    runs = json.loads(study.run("status", "sweeps/s.toml", "--json").stdout)["runs"]
    return Counter(run["state"] for run in runs)


def test_a_job_that_cannot_be_imported_stops_the_sweep(study: Study) -> None:
    """The error is one line, no run is marked failed, and the same command trains all when the package is there."""
    study.job("s", "import package_that_is_missing\n" + GOOD)
    study.sweep("s", SWEEP)
    stopped = study.run("run", "sweeps/s.toml", "--quiet", "--workers", "2")
    assert stopped.returncode == 2
    *_, line = stopped.stderr.strip().splitlines()
    assert "the job cannot be imported: ModuleNotFoundError: No module named 'package_that_is_missing'" in line
    assert states(study) == {"new": 8}
    assert "cannot be imported" in study.run("status", "sweeps/s.toml").stdout
    (study.root / "package_that_is_missing.py").write_text("")
    done = study.run("run", "sweeps/s.toml", "--quiet", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert states(study) == {"done": 8}


def test_first_runs_that_fail_alike_stop_the_sweep(study: Study) -> None:
    """Three first runs that fail with one error before they log anything stop the others, which stay new."""
    study.job("s", GOOD.replace("return", "import package_that_is_missing\n    return"))
    study.sweep("s", SWEEP)
    stopped = study.run("run", "sweeps/s.toml", "--quiet", "--workers", "1")
    assert (stopped.returncode, states(study)) == (2, {"failed": 3, "new": 5})
    assert "the first 3 runs failed alike" in stopped.stderr
    assert "hpcsweep run --failed sweeps/s.toml" in stopped.stderr
    (study.root / "package_that_is_missing.py").write_text("")
    assert study.run("run", "--failed", "sweeps/s.toml", "--quiet").returncode == 0
    assert states(study) == {"done": 8}


def test_runs_that_fail_for_themselves_stop_no_other(study: Study) -> None:
    """Runs that fail with errors of their own, or after something was logged, are failures of these runs alone."""
    study.job("s", GOOD.replace("return", "if x < 5:\n        raise ValueError(x)\n    return"))
    study.sweep("s", SWEEP)
    assert study.run("run", "sweeps/s.toml", "--quiet", "--workers", "1").returncode == 1
    assert states(study) == {"failed": 5, "done": 3}
    logged = "run.log(epoch=1, x=x)\n    if x < 5:\n        raise ValueError\n    return"
    study.job("s", GOOD.replace("return", logged))
    study.sweep("s", SWEEP + "[training]\nrenew_gb = 1\n")
    assert study.run("run", "sweeps/s.toml", "--quiet", "--workers", "1", "--failed", "--keep-code").returncode == 1
    assert states(study)["failed"] == 5
