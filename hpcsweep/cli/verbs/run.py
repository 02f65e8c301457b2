"""`hpcsweep run SWEEP`: plan, train with workers on this machine, print the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.options import (
    choice_options,
    echo,
    max_runs_option,
    note,
    shared_option,
    store_option,
    sweep_argument,
)
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.launch.plan import Plan


@click.command("run")
@sweep_argument
@store_option
@shared_option
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes  [default: one per core]")
@click.option("--failed", "retry_failed", is_flag=True, help="Also try the failed runs again.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, only the table.")
@max_runs_option
@choice_options
def command(
    sweep_path: Path,
    store: str | None,
    shared: str | None,
    workers: int | None,
    retry_failed: bool,
    quiet: bool,
    max_runs: int,
    **choice: bool,
) -> int:
    """Train what is missing of SWEEP on this machine, then say which setting is best, and print the table.

    Ctrl-C stops with checkpoints; the same command continues from there. Exit code 1 if some runs failed. Results made
    by other code or data than today's are neither kept nor trained again unless you say so.
    """
    from hpcsweep.cli.progress import ProgressDisplay
    from hpcsweep.launch.advice import Advice
    from hpcsweep.launch.here import run
    from hpcsweep.launch.standing import Choice
    from hpcsweep.store.opening import store_of

    with ProgressDisplay(quiet=quiet) as display:
        plan = run(
            sweep_path,
            store=store,
            workers=workers,
            failed=retry_failed,
            choice=Choice(**choice),
            shared=shared,
            max_runs=max_runs,
            say=note,
            watch=display.show,
        )
    _print_table(plan, store)
    failed = plan.failed()
    if failed:
        advice = Advice(plan.sweep, store_of(plan.sweep, store))
        why, again = advice.logs(short_id(failed[0].id)), advice.retry_here
        note(f"{len(failed)} run(s) failed; see why: {why}; try them again: {again}")
    return 1 if failed else 0


def _print_table(plan: Plan, store: str | None) -> None:
    from hpcsweep.cli.printing import table_width
    from hpcsweep.errors import NothingSelectedError
    from hpcsweep.results import load
    from hpcsweep.statistics.sentences import best_in_words
    from hpcsweep.tables import render, table

    try:
        results = load(plan.sweep, store=store, say=note)
        made = table(results)
        echo(f"{next(best_in_words(results, made.spec.values[0]))}\n")
        echo(render(made, "text", table_width()), nl=False)
    except NothingSelectedError:  # every run failed: there is nothing to compare, and the reason follows
        return
