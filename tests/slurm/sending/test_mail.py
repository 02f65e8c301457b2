"""One mail per sweep: when its workers have ended, whether it is done or stuck."""

from __future__ import annotations

import os
import signal

from tests.slurm.study import PROFILE, SlurmStudy


def test_one_mail_says_how_many_runs_are_done(study: SlurmStudy) -> None:
    """Two workers, one mail: all done, or that some are not, as the name of the job that SLURM mails about."""
    mails = study.cluster.folder / "log" / "mails"
    study.profile("mails", PROFILE + 'mail_user = "ann@example.org"\n')
    runs = "repeats = 2\n[fixed]\nsize = {size}\n[grid]\nhow = {how}\n[resources]\ntime = 1\nworkers = 2\n"
    for name, how in (("glad", '["fine"]'), ("sad", '["fine", "raised"]')):
        study.submit(study.sweep(name, runs.format(size=61 + len(how), how=how), "dies", "mails"))
    study.cluster.wait_until(lambda: mails.exists() and len(mails.read_text().splitlines()) >= 2)
    said = mails.read_text()
    assert said.count("glad: 2 of 2 runs done Ended") == 1, said
    assert said.count("sad: 2 of 4 runs done Failed") == 1, said
    assert said.count("ann@example.org") == 2


def test_workers_that_are_replaced_bring_no_mail_of_their_own(study: SlurmStudy) -> None:
    """A worker is killed and another takes its place, in a later array: there is one mail, when the sweep is done."""
    mails = study.cluster.folder / "log" / "mails"
    study.profile("mails", PROFILE + 'mail_user = "bob@example.org"\n')
    sweep = study.sweep("lost", "[fixed]\npace = 0.3\nepochs = 40\nsize = 71\n[resources]\ntime = 5\nworkers = 1\n")
    sweep.write_text(sweep.read_text().replace('"cluster"', '"mails"'))
    study.submit(sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["running"])
    (start,) = (event for event in study.events("lost") if event["event"] == "start")
    os.kill(start["pid"], signal.SIGKILL)
    study.cluster.wait_until(lambda: mails.exists() and "bob@example.org" in mails.read_text(), 120)
    about = [line for line in mails.read_text().splitlines() if "bob@example.org" in line]
    assert len(about) == 1
    assert "lost: 1 of 1 runs done Ended" in about[0]
    assert study.cluster.ask("squeue", "-h", "-t", "all", "-o", "%j").count("lost.") == 2
