"""`isolation = "process"`: a trajectory's process takes its state, and its death, with it."""

from __future__ import annotations

import json

from hpcsweep.store import Store
from hpcsweep.sweep.load import load_sweep
from tests.conftest import Study

KEEPS_STATE = """
import os, signal
seen = []
def train(run, *, kind: str, memory: int = 0):
    seen.append(kind)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exits":
        os._exit(41)
    return {"seen": len(seen)}
"""
SWEEP = """
name = "s"
job = "jobs/keeps.py:train"
[grid]
kind = ["a", "killed", "b", "exits", "c"]
[training]
isolation = "process"
"""


def test_a_process_each_keeps_runs_apart(study: Study) -> None:
    """No run sees what another left in its process, and one that is killed fails alone, with its cause."""
    study.job("keeps", KEEPS_STATE)
    path = study.sweep("s", SWEEP)
    assert study.run("run", path, "--workers", "1").returncode == 1
    rows = {row["params"]["kind"]: row for row in json.loads(study.run("status", path, "--json").stdout)["runs"]}
    assert [rows[kind]["metrics"]["seen"] for kind in "abc"] == [1.0, 1.0, 1.0]
    assert "SIGKILL" in rows["killed"]["cause"]
    killed = Store(study.root / "results").failure(load_sweep(path).runs[1].trajectory)
    assert killed is not None
    assert 0.01 < (killed.memory_gb or 0) < 10
    assert "exit code 41" in rows["exits"]["cause"]
