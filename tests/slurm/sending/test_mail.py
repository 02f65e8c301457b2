"""One mail per sweep: when its workers have ended, whether it is done or stuck."""

from __future__ import annotations

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
