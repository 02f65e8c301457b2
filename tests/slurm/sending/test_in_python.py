"""The way of a sweep over a cluster as a script goes it: submit, status, cancel, resume, as functions."""

from __future__ import annotations

import pytest

import hpcsweep
from hpcsweep.errors import SchedulerError, UsageError
from tests.slurm.study import SlurmStudy

SLOW = "repeats = 2\n[fixed]\npace = 1\nepochs = 1000\nsize = 91\n[resources]\ntime = 1\nworkers = 1\n"


def test_a_script_submits_looks_cancels_and_resumes(study: SlurmStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function returns what happened, asks nobody, and refuses what the command refuses."""
    monkeypatch.setenv("SLURM_CONF", study.environment["SLURM_CONF"])
    path = study.sweep("scripted", SLOW)
    sweep = hpcsweep.load_sweep(path)
    script = hpcsweep.batch_script(sweep, cpus=2)
    assert script is not None
    assert "--cpus-per-task=2" in script
    sent = hpcsweep.submit(sweep)
    assert (len(sent.arrays), sent.workers, sent.trajectories) == (1, 1, 2)
    assert hpcsweep.submit(sweep).arrays == ()
    study.cluster.wait_until(lambda: hpcsweep.status(sweep).counts.get("running"))
    workers = hpcsweep.status(sweep).workers
    assert workers is not None
    assert [task.name.partition("_")[0] for task in workers.running] == [*sent.arrays]
    study.sweep("scripted", SLOW.replace("repeats = 2", "seeds = [1, 2]"))
    with pytest.raises(UsageError, match="1 runs were in the sweep last time"):
        hpcsweep.submit(path)
    assert hpcsweep.plan(path).removed == [sweep.runs[0].id]
    assert hpcsweep.submit(path, agree=lambda removed: len(removed) != 1).arrays == ()
    with pytest.raises(SchedulerError, match="expected what one node"):
        hpcsweep.submit(path, agree=lambda removed: True, cpus=1000)
    assert hpcsweep.cancel(sweep).arrays == sent.arrays
    study.cluster.wait_until(lambda: not study.cluster.living(sent.arrays[0]))
    again = hpcsweep.resume(sweep)
    assert len(again.arrays) == 1
    assert hpcsweep.cancel(sweep).arrays == again.arrays
