"""One mail per sweep: when its workers have ended, whether it is done or stuck."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.slurm.study import PROFILE, SlurmStudy


def test_one_mail_says_how_many_runs_are_done(study: SlurmStudy) -> None:
    """Two workers, one mail: all done, or that some are not, as the name of the job that SLURM mails about."""
    study.profile("mails", PROFILE + 'mail_user = "ann@example.org"\n')
    runs = "repeats = 2\n[fixed]\nsize = {size}\n[grid]\nhow = {how}\n[resources]\ntime = 1\nworkers = 2\n"
    for name, how in (("glad", '["fine"]'), ("sad", '["fine", "raised"]')):
        study.submit(study.sweep(name, runs.format(size=61 + len(how), how=how), "dies", "mails"))
    study.cluster.wait_until(lambda: study.mails("glad") and study.mails("sad"))
    (glad,), (sad,) = study.mails("glad"), study.mails("sad")
    assert "glad: 2 of 2 runs done Ended" in glad
    assert "sad: 2 of 4 runs done Failed" in sad
    assert "ann@example.org" in glad


def test_workers_that_are_replaced_bring_no_mail_of_their_own(study: SlurmStudy) -> None:
    """A worker is killed and another takes its place, in a later array: there is one mail, when the sweep is done."""
    sweep, _ = _begun(study, "died", 71)
    (start,) = (event for event in study.events("died") if event["event"] == "start")
    os.kill(start["pid"], signal.SIGKILL)
    assert "died: 1 of 1 runs done Ended" in _only_mail(study, "died")
    assert study.cluster.ask("squeue", "-h", "-t", "all", "-o", "%j").count("died.") == 2
    assert study.states(sweep) == ["done"]


def test_a_task_that_is_requeued_brings_no_mail_of_its_own(study: SlurmStudy) -> None:
    """An administrator requeues the sweep's worker: there is one mail, when the sweep is done."""
    sweep, array = _begun(study, "put-back", 73)
    study.cluster.ask("scontrol", "requeue", array)
    assert "put-back: 1 of 1 runs done Ended" in _only_mail(study, "put-back")
    assert study.states(sweep) == ["done"]


@pytest.mark.parametrize(("name", "workers"), [("taken", 1), ("more", 2)])
def test_a_second_submission_of_a_sweep_brings_no_second_mail(study: SlurmStudy, name: str, workers: int) -> None:
    """Runs are added while the first is trained, for its worker or with another one: one mail, about all of them."""
    sweep, _ = _begun(study, name, 80 + workers)
    sweep.write_text(
        sweep.read_text().replace("[fixed]", "repeats = 3\n[fixed]").replace("workers = 1", f"workers = {workers}")
    )
    said = study.run("submit", sweep)
    assert said.count("array ") == workers - 1, said
    assert f"{name}: 3 of 3 runs done Ended" in _only_mail(study, name)


def _begun(study: SlurmStudy, name: str, size: int) -> tuple[Path, str]:
    """Submit a sweep of one run of 12 s that asks for a mail, wait for its worker to begin; return its array, too."""
    study.profile("mails", PROFILE + 'mail_user = "bob@example.org"\n')
    body = f"[fixed]\npace = 0.3\nepochs = 40\nsize = {size}\n[resources]\ntime = 5\nworkers = 1\n"
    sweep = study.sweep(name, body, profile="mails")
    array = study.submit(sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["running"])
    return sweep, array


def _only_mail(study: SlurmStudy, name: str) -> str:
    """Wait until nothing of a sweep is left in the queue, and return the one mail about it."""

    def is_over() -> bool:
        names = study.cluster.ask("squeue", "-h", "-o", "%j").splitlines()
        return bool(study.mails(name)) and not any(one.startswith(name) for one in names)

    study.cluster.wait_until(is_over, 120)
    (mail,) = study.mails(name)
    return mail
