"""`hpcsweep migrate` and `merge`: changing a study, and bringing stores together, on purpose and back again."""

from __future__ import annotations

from pathlib import Path

from hpcsweep.store import Store
from tests.conftest import Study

JOB = """
def train(run, *, rate: float{}, epochs: int = 2):
    run.checkpoint({{"epochs": epochs}})
    return {{"loss": rate}}
"""
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\nrepeats = 2\n'


def losses(store: Path) -> list[float]:
    """Return the final losses in a store."""
    return sorted(result.metrics["loss"] for result in Store(store).results())


def test_results_of_an_old_default_get_their_own_ids_and_come_back(study: Study) -> None:
    """Dry by default; with --yes results and checkpoints move to today's ids, and `merge` brings the old ones back."""
    study.job("job", JOB.format(" = 0.1"))
    path = study.sweep("s", SWEEP)
    assert study.run("run", path).returncode == 0
    before = {result.id for result in Store(study.store).results()}
    study.job("job", JOB.format(" = 0.5"))
    path = study.sweep("s", SWEEP + "[fixed]\nrate = 0.1\n")
    dry = study.run("migrate", path)
    assert dry.stdout.count("rate=0.1") == 2
    assert "Nothing was changed" in dry.stdout
    assert {result.id for result in Store(study.store).results()} == before
    assert study.run("migrate", path, "--yes").returncode == 0
    assert not before & {result.id for result in Store(study.store).results()}
    assert "2 done by other code" in study.run("plan", path).stdout
    assert len(list((study.store / "trajectories").glob("*/*/checkpoint*"))) == 2
    (aside,) = (study.store / "aside").iterdir()
    assert "2 results were copied" in study.run("merge", aside).stdout
    assert before < {result.id for result in Store(study.store).results()}


def test_a_renamed_parameter_keeps_its_results(study: Study) -> None:
    """Results under the old name become those of the new one; a name that the job lacks is refused."""
    study.job("job", JOB.format(""))
    study.run("run", study.sweep("s", SWEEP + "[fixed]\nrate = 0.3\n"))
    study.job("job", JOB.format("").replace("rate", "speed"))
    path = study.sweep("s", SWEEP + "[fixed]\nspeed = 0.3\n")
    assert study.run("migrate", path).returncode == 3
    assert 'did you mean "speed"' in study.run("migrate", path, "--rename", "rate=spead").stderr
    assert study.run("migrate", path, "--rename", "rate=speed", "--yes").returncode == 0
    assert losses(study.store) == [0.3, 0.3]
    assert {result.params["speed"] for result in Store(study.store).results()} == {0.3}


def test_stores_are_merged_and_what_differs_is_told(study: Study) -> None:
    """Runs of two stores come together; those of equal numbers and code are one, unequal ones are told and stay."""
    study.job("job", JOB.format(" = 0.1"))
    laptop, cluster = study.root / "laptop", study.root / "cluster"
    study.run("run", study.sweep("s", SWEEP), "--store", laptop)
    study.run("run", study.sweep("s", SWEEP.replace("2", "3")), "--store", cluster)
    merged = study.run("merge", cluster, "--store", laptop)
    assert merged.returncode == 0
    assert "1 results were copied, 2 were already here with the same numbers" in merged.stdout
    assert len(losses(laptop)) == 3
    study.job("job", JOB.format(" = 0.1").replace('"loss": rate', '"loss": rate * 2'))
    other = study.root / "other"
    study.run("run", study.sweep("s", SWEEP), "--store", other)
    unequal = study.run("merge", other, "--store", laptop)
    assert unequal.returncode == 1
    assert unequal.stdout.count("is in both and differs in metric loss, its code; this store keeps its own") == 2
    assert losses(laptop) == [0.1, 0.1, 0.1]
    assert "found no store there" in study.run("merge", study.root / "jobs", "--store", laptop).stderr
