"""The report of a sweep, written by its workers."""

from __future__ import annotations

from tests.report.test_page import data_of
from tests.slurm.study import SlurmStudy

BODY = "repeats = 2\n[fixed]\npace = 0.01\nepochs = 5\nsize = 1713\n[resources]\ntime = 1\nworkers = 1\n"


def test_workers_that_end_write_the_report(study: SlurmStudy) -> None:
    """With `--report` the page lies beside the sweeps once the workers have ended, and shows all runs as done."""
    sweep = study.sweep("reported", BODY)
    page = study.root / "reported-report.html"
    study.run("submit", "--report", sweep)
    study.cluster.wait_until(page.exists)
    assert data_of(page.read_text())["states"] == {"done": 2}
    assert study.states(sweep) == ["done"] * 2
