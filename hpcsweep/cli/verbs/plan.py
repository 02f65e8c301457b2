"""`hpcsweep plan SWEEP`: what would happen."""

from __future__ import annotations

import csv
import io
import json
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsweep.cli.options import echo, json_option, max_runs_option, note, store_option, sweep_argument
from hpcsweep.files import spreadsheet_text
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.launch.plan import Plan

SHOWN = 20


@click.command("plan")
@sweep_argument
@store_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print the runs as CSV.")
@click.option("--all", "show_all", is_flag=True, help=f"List all runs, not only the first {SHOWN}.")
@click.option("--script", "as_script", is_flag=True, help="Print the batch script that submit would send to SLURM.")
@click.option("--profile", metavar="NAME", help="A profile in jobs/profiles/, in place of the sweep's.")
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
        from hpcsweep.launch.preview import batch_script

        if script := batch_script(sweep_path, store=store, profile=profile, say=note):
            echo(script)
        return
    from hpcsweep.launch.plan import plan

    predict = not (as_json or as_csv)
    made = plan(sweep_path, store=store, profile=profile, max_runs=max_runs, predict=predict, say=note)
    if as_json:
        sys.stdout.writelines(made.json_pieces())
        echo()
    elif as_csv:
        _print_csv(made)
    else:
        _print_text(made, show_all)


def _print_csv(plan: Plan) -> None:
    names = plan.sweep.job.names
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["id", "state", "seed", *map(spreadsheet_text, names)])
    for run, state in zip(plan.sweep.runs, plan.states, strict=True):
        writer.writerow([run.id, state, run.seed, *map(_cell, run.values)])
    echo(buffer.getvalue(), nl=False)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return spreadsheet_text(value)
    return json.dumps(value) if isinstance(value, list) else value


def _print_text(plan: Plan, show_all: bool) -> None:
    echo(plan.in_words())
    for line in (*plan.rungs, *plan.budget_in_words()):
        echo(line)
    rows = list(islice(plan.rows(), None if show_all else SHOWN))
    for row in rows:
        params = " ".join(f"{name}={value}" for name, value in row["params"].items())
        echo(f"  {short_id(row['id'])}  {row['state']:<9}  seed={row['seed']} {params}")
    if len(rows) < len(plan.sweep.runs):
        echo(f"  ... and {len(plan.sweep.runs) - len(rows)} more (--all, --csv, --json list them)")
