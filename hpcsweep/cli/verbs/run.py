"""`hpcsweep run SWEEP`: plan, train with workers on this machine, print the table."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.common import (
    load,
    make_plan_of,
    max_runs_option,
    note,
    plan_line,
    store_of,
    store_option,
    sweep_argument,
)
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.cli.progress import SweepView
    from hpcsweep.launch.local_workers import LocalWorkers
    from hpcsweep.launch.plan import Plan
    from hpcsweep.store import Store
    from hpcsweep.store.layout import SubmissionFolder
    from hpcsweep.sweep.load import Sweep
    from hpcsweep.sweep.runs import Trajectory

FRUITLESS_STARTS = 3  # rounds of workers that end without a change in the store, before we give up

UNLIMITED = 10_000  # letters: a file is as wide as its table


@click.command("run")
@sweep_argument
@store_option
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes  [default: one a core]")
@click.option("--failed", "retry_failed", is_flag=True, help="Also try the failed runs again.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, only the table.")
@max_runs_option
def command(
    sweep_path: Path, store: str | None, workers: int | None, retry_failed: bool, quiet: bool, max_runs: int
) -> int:
    """Train all that is missing of SWEEP here and now, then print its table.

    Ctrl-C stops with checkpoints; the same command goes on from there. Exit code 1 if some runs failed.
    """
    sweep = load(sweep_path, max_runs)
    opened = store_of(sweep, store)
    plan = make_plan_of(sweep, opened)
    note(plan_line(plan))
    todo = plan.unfinished(failed=retry_failed)
    if todo:
        _train(plan, opened, todo, workers, quiet)
    _print_table(sweep, opened)
    return _report_failures(make_plan_of(sweep, opened), sweep_path)


def _train(plan: Plan, store: Store, todo: list[Trajectory], workers: int | None, quiet: bool) -> None:
    from hpcsweep.cli.progress import ProgressDisplay
    from hpcsweep.launch.local_workers import LocalWorkers
    from hpcsweep.launch.submission import write_submission
    from hpcsweep.machine import default_workers

    os.environ.setdefault("HPCSWEEP_DATA", str(plan.sweep.profile.data or plan.sweep.root / "data"))
    submission = write_submission(plan, store, todo)
    team = LocalWorkers(submission, default_workers(len(todo), asked=workers, given=plan.sweep.profile.workers))
    with ProgressDisplay(sum(len(one.runs) for one in todo), quiet=quiet) as display:
        try:
            _supervise(team, store, todo, display.show)
        except KeyboardInterrupt:
            _wind_down(team)
            raise
    _tidy(submission, store, todo)


def _supervise(team: LocalWorkers, store: Store, todo: list[Trajectory], show: object) -> None:
    """Keep workers on the sweep until every run ended; a worker that died is replaced."""
    from hpcsweep.cli.progress import view_of
    from hpcsweep.errors import SchedulerError

    fruitless, before = 0, None
    team.start_missing()
    while True:
        began = time.monotonic()
        view = view_of(store, todo)
        show(view)  # type: ignore[operator]
        if view.ended == sum(view.counts.values()) and not team.running():
            return
        if not team.running():
            if _others_at_work(view):
                time.sleep(1.0)
                continue
            fruitless, before = (fruitless + 1 if before == view.counts else 0), view.counts
            if fruitless >= FRUITLESS_STARTS:
                raise SchedulerError(f"workers end without training anything; the last one said: {team.last_words()}")
            team.start_missing()
        time.sleep(max(0.2, 5 * (time.monotonic() - began)))


def _others_at_work(view: SweepView) -> bool:
    return view.counts["running"] > 0 and not (view.counts["new"] or view.counts["resumable"])


def _wind_down(team: LocalWorkers) -> None:
    """Let the workers checkpoint; a second ctrl-C ends them without."""
    note("\nstopping: the workers write their checkpoints (ctrl-C again: end them at once)")
    team.stop()
    try:
        while team.running():
            time.sleep(0.1)
    except KeyboardInterrupt:
        team.stop(at_once=True)
    note("stopped; the same command goes on from here")


def _tidy(submission: SubmissionFolder, store: Store, todo: list[Trajectory]) -> None:
    """Remove submitit's files of workers that have nothing left to say."""
    if all(store.failure(trajectory.id) is None for trajectory in todo):
        shutil.rmtree(submission.workers, ignore_errors=True)


def _print_table(sweep: Sweep, store: Store) -> None:
    from hpcsweep import results
    from hpcsweep.errors import NothingSelectedError
    from hpcsweep.tables import render, table

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED
    try:
        made = table(results.of_sweep(sweep, store))
    except NothingSelectedError:  # every run failed: nothing to compare, and why is told next
        return
    click.echo(render(made, "text", width), nl=False)


def _report_failures(plan: Plan, sweep_path: Path) -> int:
    failed = [row["id"] for row in plan.rows() if row["state"] == "failed"]
    if not failed:
        return 0
    note(
        f"{len(failed)} run(s) failed; see why: hpcsweep logs {short_id(failed[0])}; "
        f"try them again: hpcsweep run {sweep_path} --failed"
    )
    return 1
