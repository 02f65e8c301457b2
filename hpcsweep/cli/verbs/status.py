"""`hpcsweep status [SWEEP]`: how far it is, from the store alone."""

from __future__ import annotations

import json
import shlex
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsweep.cli.common import json_option, load, make_plan_of, open_store, store_of, store_option
from hpcsweep.cli.workers import Advice, WorkersWatch, add_causes, print_workers
from hpcsweep.cli.workers import to_json as workers_json
from hpcsweep.errors import NothingSelectedError
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.store import Failure, Store
    from hpcsweep.sweep.load import Sweep

ORDER = ("done", "diverged", "running", "resumable", "failed", "corrupt", "new")
SHOWN = 20
WATCH_FLOOR_S = 2.0


@click.command("status")
@click.argument("sweep_path", metavar="[SWEEP]", required=False, type=click.Path(path_type=Path))
@store_option
@json_option
@click.option("--watch", is_flag=True, help="Look again every few seconds; ctrl-C ends.")
def command(sweep_path: Path | None, store: str | None, as_json: bool, watch: bool) -> int:
    """Show the states of the runs of SWEEP, the latest epoch and metrics, and failures by cause.

    Without SWEEP: the sweeps that the store knows. Exit code 1 if some runs failed.
    """
    if sweep_path is None:
        _print_sweeps(open_store(store, Path.cwd()))
        return 0
    sweep = load(sweep_path)
    opened = store_of(sweep, store)
    workers, advice = WorkersWatch(opened, sweep.name), Advice(sweep_path, sweep.profile.name)
    while True:
        rows = _rows(sweep, opened)
        view = workers.view(at_work=any(row["state"] == "running" for row in rows))
        if view:
            add_causes(rows, sweep.runs, opened, view)
        if as_json:
            told = {"workers": workers_json(view)} if view else {}
            click.echo(json.dumps(_to_json(sweep, opened, rows) | told))
        else:
            _print_status(sweep, rows)
            _print_failures(rows, advice if sweep.profile.scheduler == "slurm" else None, sweep_path)
            if view:
                print_workers(view, advice)
        if not watch:
            return 1 if any(row["state"] == "failed" for row in rows) else 0
        time.sleep(WATCH_FLOOR_S)


def _rows(sweep: Sweep, store: Store) -> list[dict[str, Any]]:
    """Return one row a run: id, seed, params, state, epoch, metrics, cause."""
    states = store.states(sweep.runs, outcomes=True)
    failures: dict[str, Failure | None] = {}
    return [_row(run, states.get(run.id, "new"), store, failures) for run in sweep.runs]


def _row(run: Any, state: str, store: Store, failures: dict[str, Failure | None]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": run.id, "seed": run.seed, "params": run.params, "state": state}
    row |= {"epoch": None, "metrics": {}, "cause": None}
    if state in ("done", "diverged"):
        record = store.summary(run)
        row |= {"epoch": record.epoch, "metrics": record.metrics}
    elif state == "running":
        progress = store.progress(run.trajectory) or {}
        row |= {"epoch": progress.get("epoch"), "metrics": progress.get("metrics", {})}
    elif state == "failed":
        if run.trajectory not in failures:
            failures[run.trajectory] = store.failure(run.trajectory)
        failure = failures[run.trajectory]
        row["cause"] = f"{failure.cause}: {failure.message}" if failure else None
    return row


def _to_json(sweep: Sweep, store: Store, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from hpcsweep.store.results import encode_numbers

    plan = make_plan_of(sweep, store).to_json()
    return {**plan, "runs": [{**row, "metrics": encode_numbers(row["metrics"])} for row in rows]}


def _print_status(sweep: Sweep, rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["state"] for row in rows)
    said = ", ".join(f"{counts[state]} {state}" for state in ORDER if counts[state])
    click.echo(f"{sweep.name}: {len(rows)} runs: {said}")
    for row in [row for row in rows if row["state"] == "running"][:SHOWN]:
        metrics = " ".join(f"{name}={value:.4g}" for name, value in row["metrics"].items() if name != "seconds")
        click.echo(f"  {short_id(row['id'])}  running  epoch {row['epoch']}  {metrics}")


def _print_failures(rows: list[dict[str, Any]], advice: Advice | None, sweep_path: Path) -> None:
    """Print the failed runs by cause, with the command that helps; without `advice`, on this machine."""
    from hpcsweep.slurm.watching.causes import BY_NAME, UNKNOWN

    by_cause: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["state"] == "failed":
            by_cause[row["cause"] or "unknown cause"].append(short_id(row["id"]))
    for said, ids in by_cause.items():
        click.echo(f"  {len(ids)} failed: {said}")
        click.echo(f"    {' '.join(ids[:4])}{' ...' if len(ids) > 4 else ''}  see: hpcsweep logs {ids[0]}")
        if advice:
            cause = BY_NAME.get(said.partition(":")[0], UNKNOWN)
            click.echo(f"    {advice.against(cause, run=ids[0])}")
    if by_cause and not advice:
        click.echo(f"  try them again: hpcsweep run {shlex.quote(str(sweep_path))} --failed")


def _print_sweeps(store: Store) -> None:
    sweeps = store.layout.sweep_names()
    if not sweeps:
        raise NothingSelectedError(f"the store {store.root} holds no sweep yet; begin one: hpcsweep run SWEEP")
    for name in sweeps:
        submissions = store.layout.submissions(name)
        when = submissions[-1].path.name if submissions else "never"
        click.echo(f"{name}: last submitted {when} (UTC)")
