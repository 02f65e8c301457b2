"""How far a sweep is: what is said before a run has an epoch of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpcsweep.launch.cost import Span
from hpcsweep.launch.progress import told_by_others
from tests.conftest import Study

JOB = """
import time
from pathlib import Path

def train(run, *, epochs: int):
    for epoch in range(1, epochs + 1):
        while run.seed == 1 and not Path({go!r}).exists():
            time.sleep(0.05)
        time.sleep(0.0 if run.seed == 1 else 0.3)
        run.log(epoch=epoch, loss=0.0)
"""
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\nseeds = {seeds}\n[grid]\nepochs = [{epochs}]\n'
LEFT = r"about (\S+) left \((\S+) to (\S+)\) from other runs, none of this yet"


@pytest.mark.parametrize(("measured", "told"), [(True, True), (False, False)], ids=["measured", "not measured"])
def test_before_its_first_epoch_other_runs_say_how_long_a_run_takes(
    study: Study, wait_until: Callable[..., None], measured: bool, told: bool
) -> None:
    """`status` and `run` name the span that measured runs of the job lead to; without any they name no time."""
    go = study.root / "go"
    study.job("job", JOB.format(go=str(go)))
    if measured:
        assert study.run("run", study.sweep("s", SWEEP.format(seeds=[0], epochs=4))).returncode == 0
    path = study.sweep("s", SWEEP.format(seeds=[1], epochs=1000))
    training = study.start("run", path)
    wait_until(lambda: any(one.get("elapsed_s") is not None for one in _runs(study, path)), 60)
    said, (run,) = study.run("status", path).stdout, (one for one in _runs(study, path) if one["state"] == "running")
    go.touch()
    _, stderr = training.communicate(timeout=60)
    assert run["epoch"] is run["left_s"] is None
    assert "before its first epoch of 1000" in said
    assert bool(re.search(LEFT, said)) == bool(re.search(LEFT, stderr)) == told, said + stderr
    if told:
        span = run["left_s_by_others"]
        assert 0 < span["low"] < 1000 * 0.3 - run["elapsed_s"] < span["high"]
    else:
        assert run["left_s_by_others"] is None


def test_a_run_that_is_longer_than_all_others_is_called_so() -> None:
    """Where nothing is left of what others took, no time is promised."""
    assert told_by_others(Span(0, 0, 0)) == "longer than other runs say"
    assert told_by_others(Span(0, 60, 120)).startswith("about 0:01:00 left (0:00:00 to 0:02:00) ")


def _runs(study: Study, path: Path) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(study.run("status", path, "--json").stdout)["runs"]
    return runs
