"""A command on a cluster: a script that knows nothing of SLURM is cut by its wall time, continued, and complete."""

from __future__ import annotations

import numpy as np

from hpcsweep.store import Store
from tests.slurm.study import SlurmStudy

COUNTS = """
import json, os, sys, time

state = os.path.join(os.environ["HPCSWEEP_CHECKPOINT"], "state.json")
epoch, x = json.load(open(state)) if os.path.exists(state) else (0, 1.0)
while epoch < 55:
    time.sleep(1)
    epoch, x = epoch + 1, x * float(sys.argv[1])
    print(f"epoch {epoch}: x={x!r}", flush=True)
    with open(state + ".aside", "w") as file:
        json.dump([epoch, x], file)
    os.rename(state + ".aside", state)
"""
SWEEP = """name = "command"
command = ["python3", "jobs/counts.py", "{rate}"]
profile = "cluster"
[command_options]
patterns = ['epoch (?P<epoch>[0-9]+): x=(?P<x>[0-9.e-]+)']
[fixed]
rate = 0.9
[resources]
time = 1
workers = 1
"""


def test_a_script_that_is_cut_by_the_wall_time_goes_on(study: SlurmStudy) -> None:
    """It is told to stop before the end, and called again with its checkpoint: each epoch is there once, to the bit."""
    (study.root / "jobs" / "counts.py").write_text(COUNTS)
    sweep = study.root / "sweeps" / "command.toml"
    sweep.write_text(SWEEP)
    study.submit(sweep, "--continue", "resubmit")
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"], 180)
    (result,) = [one for one in Store(study.store).results() if one.params.get("rate") == 0.9]
    np.testing.assert_array_equal(result.history["epoch"], np.arange(1, 56))
    x = 1.0
    np.testing.assert_array_equal(result.history["x"], [x := x * 0.9 for _ in range(55)])
    assert len(result.facts["attempts"]) == 2
