"""The examples of other frameworks: killed anywhere, each ends with the numbers of a run that nobody disturbed."""

from __future__ import annotations

import random
import shutil

import pytest

from hpcsweep.launch.verify import differences
from hpcsweep.store import Result, Store
from tests.conftest import REPOSITORY, Study
from tests.frameworks.conftest import need

EPOCHS, DEATHS = 8, 2
EXAMPLES = {  # the package that a job needs, and its parameter
    "torch_net": ("torch", "hidden", "int", 8),
    "lightning_net": ("lightning", "hidden", "int", 8),
    "sklearn_linear": ("sklearn", "alpha", "float", 0.001),
    "xgboost_trees": ("xgboost", "max_depth", "int", 3),
    "lightgbm_trees": ("lightgbm", "num_leaves", "int", 4),
}
# The example with a checkpoint after each epoch; it dies once at each epoch that deaths.txt names.
KILLED = """
import os
import signal

from jobs.{name} import train as example

def train(run, *, {parameter}: {kind}, epochs: int):
    deaths = run.study / "deaths.txt"
    def log(self, epoch, **metrics):
        super(kind, self).log(epoch, **metrics)
        left = deaths.read_text().split()
        if str(epoch) in left:
            left.remove(str(epoch))
            deaths.write_text(" ".join(left))
            os.kill(os.getpid(), signal.SIGKILL)
    kind = type("Eager", (type(run),), {{"checkpoint_due": True, "log": log}})
    run.__class__ = kind
    return example(run, {parameter}={parameter}, epochs=epochs)
"""


def result_of(study: Study, store: str) -> Result:
    """Train the one run in a store of this name, and return its result."""
    ended = study.run("run", "sweeps/s.toml", "--quiet", "--workers", "1", "--store", study.root / store)
    assert ended.returncode == 0, ended.stderr
    (result,) = Store(study.root / store).results()
    return result


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_killed_example_goes_on_to_the_same_bits(study: Study, name: str) -> None:
    """Killed by SIGKILL in two random epochs, a run has the history that it has without."""
    package, parameter, kind, value = EXAMPLES[name]
    need(package)
    shutil.copy(REPOSITORY / "jobs" / f"{name}.py", study.root / "jobs")
    study.job("killed", KILLED.format(name=name, parameter=parameter, kind=kind))
    grid = f"[grid]\n{parameter} = [{value}]\nepochs = [{EPOCHS}]\n"
    study.sweep("s", f'name = "s"\njob = "jobs/killed.py:train"\nseeds = [3]\n{grid}')
    (study.root / "deaths.txt").write_text("")
    undisturbed = result_of(study, "undisturbed")
    epochs = random.sample(range(1, EPOCHS + 1), DEATHS)
    (study.root / "deaths.txt").write_text(" ".join(map(str, epochs)))
    killed = result_of(study, "killed")
    assert undisturbed.history["epoch"].tolist() == list(range(1, EPOCHS + 1))
    assert len(killed.facts["attempts"]) == 1 + DEATHS, epochs
    assert differences(killed, undisturbed) == [], epochs
