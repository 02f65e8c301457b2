"""The verbs as functions: what they return, what they refuse, and that they draw nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import pytest

import hpcsweep
from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.figures.shown import ShownFigure
from hpcsweep.store import Store
from hpcsweep.sweep.load import Sweep
from tests.conftest import Study

NASTY = "<script>alert('x')</script>"
JOB = """
def train(run, *, rate: float, kind: str = "fine"):
    print("something useful")
    if kind != "fine":
        raise ValueError("no further")
    run.log(epoch=0, loss=1.0)
    run.log(epoch=1, loss=rate)
    run.record(initial_weights_sha256="fresh", final_weights_sha256=run.id)
"""
SWEEP = f'name = "s"\njob = "jobs/job.py:train"\n[grid]\nrate = [0.1, 0.2]\n[[case]]\nrate = 0.3\nkind = "{NASTY}"\n'


class Shown(Protocol):
    """What a notebook shows as HTML."""

    def _repr_html_(self) -> str: ...


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of which two runs are done, and one, with a nasty name, failed."""
    study = Study(tmp_path_factory.mktemp("ran") / "a study's folder, ü")
    (study.root / "jobs").mkdir(parents=True)
    (study.root / "sweeps").mkdir()
    study.job("job", JOB)
    hpcsweep.run(study.sweep("s", SWEEP), store=study.store)
    return study


@pytest.fixture(scope="module")
def sweep(ran: Study) -> Sweep:
    """The loaded sweep of `ran`."""
    return hpcsweep.load_sweep(ran.root / "sweeps" / "s.toml")


def test_a_path_a_sweep_and_a_folder_are_the_same_source(ran: Study, sweep: Sweep) -> None:
    """A sweep may be named by its path, as text or Path, or be loaded; its store by its folder, or be open."""
    sources = (sweep, sweep.path, str(sweep.path))
    assert {hpcsweep.status(one, store=ran.store).in_words() for one in sources} == {"s: 3 runs: 2 done, 1 failed"}
    stores = (ran.store, str(ran.store), Store(ran.store))
    assert {len(hpcsweep.runs(sweep, store=one)) for one in stores} == {3}
    assert len(hpcsweep.history(ran.store)) == len(hpcsweep.history(Store(ran.store))) == 4


def test_status_is_a_value(ran: Study, sweep: Sweep) -> None:
    """The status holds each run's state, newest epoch, metrics and cause, as `status --json` prints them."""
    status = hpcsweep.status(sweep, store=ran.store)
    first, _, last = status.runs
    assert (first.state, first.epoch, first.metrics["loss"]) == ("done", 1, 0.1)
    assert (last.state, last.cause) == ("failed", "raised: ValueError: no further")
    printed = ran.run("status", sweep.path, "--json")
    assert json.loads(printed.stdout) == status.to_json()
    assert [known.name for known in hpcsweep.known_sweeps(ran.store)] == ["s"]


def test_a_notebook_shows_texts_and_no_markup_of_theirs(ran: Study, sweep: Sweep) -> None:
    """What comes from a sweep file or a job is escaped in the HTML of every value."""
    study = ran.store
    (failed,) = hpcsweep.plan(sweep, store=study).failed()
    shown: list[Shown] = [
        hpcsweep.plan(sweep, store=study),
        hpcsweep.status(sweep, store=study),
        hpcsweep.logs(study, failed.id),
        hpcsweep.table(sweep, store=study, rows=["kind"]),
        hpcsweep.verify(sweep, store=study, sample=0),
        hpcsweep.clean(study, dry_run=True),
    ]
    pages = [value._repr_html_() for value in shown]
    assert all("<script" not in page for page in pages)
    assert sum("&lt;script&gt;" in page for page in pages) >= 3


def test_what_python_shows_is_short(ran: Study, sweep: Sweep) -> None:
    """A sweep, a plan and a status are one line, not all their runs; a table is what the command prints."""
    assert repr(sweep) == "<Sweep s: 3 runs of jobs/job.py:train>"
    assert repr(hpcsweep.plan(sweep, store=ran.store)) == "<Plan of s: 3 runs on 3 trajectories: 2 done, 1 failed>"
    assert repr(hpcsweep.status(sweep, store=ran.store)) == "<Status of s: 3 runs: 2 done, 1 failed>"
    shown = repr(hpcsweep.table(sweep, store=ran.store))
    assert shown.split() == ran.run("table", sweep.path).stdout.split()


def test_logs_are_text_and_files(ran: Study, sweep: Sweep) -> None:
    """The log of a run is its newest attempt's text, with the failure if there is one."""
    plan = hpcsweep.plan(sweep, store=ran.store)
    logs = hpcsweep.logs(sweep, plan.failed()[0].id[:12], store=ran.store)
    assert "something useful" in str(logs)
    assert str(logs) == logs.paths[-1].read_text()
    assert logs.failure is not None
    assert logs.failure.message == "ValueError: no further"
    with pytest.raises(NothingSelectedError):
        hpcsweep.logs(ran.store, "no such run")


def test_verify_trains_again_and_is_a_value(ran: Study, sweep: Sweep) -> None:
    """What was verified is counted, and the sample is equal to the bit."""
    found = hpcsweep.verify(sweep, store=ran.store, sample=1)
    assert found.ok
    assert (found.done, found.intact, list(found.retrained.values())) == (2, 2, [[]])


def test_cancelled_runs_are_marked(ran: Study, sweep: Sweep) -> None:
    """Runs are cancelled by their ids in a sweep's store; a sweep without workers has nothing to cancel."""
    said: list[str] = []
    assert hpcsweep.cancel(sweep, store=ran.store, say=said.append).arrays == ()
    assert [line.partition(",")[0] for line in said] == ["s has no workers"]
    run = sweep.runs[0]
    assert hpcsweep.cancel(sweep, run.id[:12], store=ran.store).runs == (run.id,)
    cancelled = Store(ran.store).folder(run.trajectory).cancelled
    assert cancelled.exists()
    cancelled.unlink()
    with pytest.raises(UsageError, match="found a store without a run"):
        hpcsweep.cancel(ran.store)


def test_clean_removes_what_it_lists_unless_told_otherwise(ran: Study, sweep: Sweep) -> None:
    """With `dry_run`, or where the caller does not agree, everything stays."""
    hpcsweep.runs(sweep, store=ran.store)  # fills the cache
    listed = hpcsweep.clean(ran.store, dry_run=True)
    assert listed.found
    assert not hpcsweep.clean(ran.store, agree=lambda found: False).removed
    assert all(one.path.exists() for one in listed.found)
    assert hpcsweep.clean(ran.store).removed
    assert not any(one.path.exists() for one in listed.found)


def test_what_goes_to_slurm_is_refused_in_words(ran: Study, sweep: Sweep) -> None:
    """A profile of this machine, a wish that will not do and one that nobody knows are a UsageError."""
    for wishes, said in (
        ({}, "expected one of a cluster"),
        ({"mem": "much"}, "expected gigabytes"),
        ({"cpus": 0}, "--cpus"),
        ({"partitoin": "dgx"}, 'did you mean "partition"'),
    ):
        with pytest.raises(UsageError, match=said):
            hpcsweep.submit(sweep, store=ran.store, **wishes)


def test_warnings_of_the_sweep_file_are_told(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    """What is odd in a sweep file, but no fault, goes to `say` or to the logger; the plan shows it as well."""
    study.job("job", JOB)
    path = study.sweep("s", SWEEP + "[[exclude]]\nrate = 7.0\n")
    said: list[str] = []
    plan = hpcsweep.plan(path, store=study.store, say=said.append)
    assert said == [f"{path}: exclude #1 matches no run: it has no effect"]
    assert "exclude #1 matches no run" in plan._repr_html_()
    with caplog.at_level("INFO", logger="hpcsweep"):
        hpcsweep.plan(path, store=study.store)
    assert caplog.messages == said


def test_export_plot_report_and_knee_take_a_loaded_sweep(ran: Study, sweep: Sweep, tmp_path: Path) -> None:
    """Whatever reads results takes a loaded sweep, and writes or returns what the command does."""
    assert [path.name for path in hpcsweep.export(sweep, tmp_path / "out", store=ran.store, csv=True)] == [
        "runs.csv",
        "history.csv",
        "columns.json",
    ]
    figure = hpcsweep.plot(sweep, "curves", store=ran.store)
    assert isinstance(figure, ShownFigure)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert hpcsweep.write_report(sweep, tmp_path / "report.html", store=ran.store).exists()
    assert "Where it stops paying" in hpcsweep.find_knee(sweep, store=ran.store)._repr_html_()
    one, other = (run.id for run in sweep.runs[:2])
    assert "rate" in set(hpcsweep.diff(sweep, one, other, store=ran.store)["name"])
    assert hpcsweep.show(sweep, one[:12], store=ran.store)["id"] == one
