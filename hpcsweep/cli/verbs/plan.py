"""`hpcsweep plan SWEEP`: what would happen."""

from __future__ import annotations

import csv
import json
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.common import (
    json_option,
    load,
    make_plan_of,
    max_runs_option,
    plan_line,
    short_params,
    store_of,
    store_option,
    sweep_argument,
)
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.launch.plan import Plan
    from hpcsweep.store import Store

SHOWN = 20


@click.command("plan")
@sweep_argument
@store_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print the runs as CSV.")
@click.option("--all", "show_all", is_flag=True, help=f"List all runs, not the first {SHOWN}.")
@click.option("--script", "as_script", is_flag=True, help="Print the batch script that submit would send to SLURM.")
@click.option("--profile", metavar="NAME", help="A profile of jobs/profiles/ instead of the sweep's.")
@max_runs_option
def command(
    sweep_path: Path,
    store: str | None,
    as_json: bool,
    as_csv: bool,
    show_all: bool,
    as_script: bool,
    profile: str | None,
    max_runs: int,
) -> None:
    """Show the runs of SWEEP and which are new, done, resumable, failed or removed. Changes nothing."""
    if as_script:
        _print_script(sweep_path, store, profile)
        return
    sweep = load(sweep_path, max_runs, profile)
    opened = store_of(sweep, store)
    plan = make_plan_of(sweep, opened)
    if as_json:
        sys.stdout.writelines(plan.json_pieces())
        click.echo()
    elif as_csv:
        _print_csv(plan)
    else:
        _print_text(plan, opened, show_all)


def _print_script(sweep_path: Path, store: str | None, profile: str | None) -> None:
    from hpcsweep.cli.sending import nothing_to_do, open_sending, script_of, size_of, uncovered

    sending = open_sending(sweep_path, store, {"profile": profile, "links": None}, look_only=True)
    if todo := uncovered(sending, failed=False):
        click.echo(script_of(sending, size_of(sending, len(todo))))
    else:
        nothing_to_do(sending, failed=False)


def _print_csv(plan: Plan) -> None:
    names = plan.sweep.job.names
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "state", "seed", *names])
    for run, state in zip(plan.sweep.runs, plan.states, strict=True):
        values = [json.dumps(value) if isinstance(value, list) else value for value in run.values]
        writer.writerow([run.id, state, run.seed, *values])


def _print_text(plan: Plan, store: Store, show_all: bool) -> None:
    from hpcsweep.launch.prediction import predict
    from hpcsweep.machine import default_workers

    click.echo(plan_line(plan))
    if left := len(plan.unfinished()):
        workers = default_workers(left, asked=None, given=plan.sweep.profile.workers)
        click.echo(predict(plan, store).in_words(workers))
    rows = list(islice(plan.rows(), None if show_all else SHOWN))
    for row in rows:
        click.echo(f"  {short_id(row['id'])}  {row['state']:<9}  seed={row['seed']} {short_params(row['params'])}")
    if len(rows) < len(plan.sweep.runs):
        click.echo(f"  ... and {len(plan.sweep.runs) - len(rows)} more (--all, --csv, --json list them)")
