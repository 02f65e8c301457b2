"""How the verbs print values: a table or a file, the runs of a sweep, and SLURM's side of it."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.options import note
from hpcsweep.files import write_atomic
from hpcsweep.metrics import metrics_among
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.launch.status import RunStatus, Status
    from hpcsweep.slurm.watching.causes import Cause
    from hpcsweep.slurm.watching.deaths import Death
    from hpcsweep.slurm.watching.view import SlurmView

SHOWN_RUNS = 20
SHOWN_WORKERS = 8
UNLIMITED = 10_000  # letters: a file is as wide as its table


@dataclass(frozen=True)
class Advice:
    """What to type against a cause, with the names of this sweep filled in."""

    sweep: str
    profile: str

    def against(self, cause: Cause, *, nodes: str = "", run: str = "", task: str = "") -> str:
        """Return the command that helps."""
        names = {"SWEEP": shlex.quote(self.sweep), "PROFILE": self.profile, "NODE": nodes, "RUN": run}
        text = cause.fix
        for name, meaning in {**names, "TASK": task}.items():
            text = text.replace(name, meaning) if meaning else text
        return f"type: {text}" if text.startswith("hpcsweep ") else text

    def fill(self, text: str) -> str:
        """Return a note with the sweep's name in it."""
        return text.replace("SWEEP", shlex.quote(self.sweep))


def table_width(*, to_file: bool = False) -> int:
    """Return how wide a table may be, in letters."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() and not to_file else UNLIMITED


def deliver(text: str, out: Path | None) -> None:
    """Print `text`, or write it to the file `out` and say so on stderr."""
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomic(out, text.encode())
        note(f"wrote {out}")


def print_status(status: Status) -> None:
    """Print how many runs are in which state, those at work, the failed by cause, and SLURM's workers."""
    sweep = status.sweep
    advice = Advice(sweep.shown, sweep.profile.name)
    click.echo(status.in_words())
    for run in status.in_state(RunState.RUNNING)[:SHOWN_RUNS]:
        metrics = " ".join(f"{name}={run.metrics[name]:.4g}" for name in metrics_among(run.metrics))
        click.echo(f"  {short_id(run.id)}  running  epoch {run.epoch}  {metrics}")
    if status.processes:
        more = f" and {len(status.processes) - SHOWN_WORKERS} more" if len(status.processes) > SHOWN_WORKERS else ""
        click.echo(f"  workers: {', '.join(status.processes[:SHOWN_WORKERS])}{more}")
    _print_failures(status.in_state(RunState.FAILED), advice, on_slurm=sweep.profile.scheduler == "slurm")
    if status.workers:
        print_workers(status.workers, advice)


def _print_failures(failed: list[RunStatus], advice: Advice, *, on_slurm: bool) -> None:
    """Print the failed runs by cause, with the command that helps."""
    from hpcsweep.slurm.watching.causes import BY_NAME, UNKNOWN

    by_cause: dict[str, list[str]] = defaultdict(list)
    for run in failed:
        by_cause[run.cause or "unknown cause"].append(short_id(run.id))
    for said, ids in by_cause.items():
        click.echo(f"  {len(ids)} failed: {said}")
        click.echo(f"    {' '.join(ids[:4])}{' ...' if len(ids) > 4 else ''}  see: hpcsweep logs {ids[0]}")
        if on_slurm:
            cause = BY_NAME.get(said.partition(":")[0], UNKNOWN)
            click.echo(f"    {advice.against(cause, run=ids[0])}")
    if by_cause and not on_slurm:
        click.echo(f"  try them again: hpcsweep run {shlex.quote(advice.sweep)} --failed")


def print_workers(view: SlurmView, advice: Advice) -> None:
    """Print who waits and why, who runs where, who died of what, and the command that helps."""
    if view.running or view.pending:
        click.echo(f"  workers: {len(view.running)} running, {len(view.pending)} waiting")
    for task in view.running[:SHOWN_WORKERS]:
        click.echo(f"    {task.name} runs on {task.node} since {task.start.replace('T', ' ')}")
    if len(view.running) > SHOWN_WORKERS:
        click.echo(f"    ... and {len(view.running) - SHOWN_WORKERS} more")
    for count, reason in view.reasons():
        mark = "STUCK: " if reason.stuck else ""
        helps = f"; {reason.advice}" if reason.advice else ""
        click.echo(f"    {count} waiting: {mark}{reason.words}{helps}")
    for cause, deaths in view.deaths_by_cause():
        _print_deaths(cause, deaths, advice)
    for line in view.notes:
        click.echo(f"  {advice.fill(line)}")


def _print_deaths(cause: Cause, deaths: list[Death], advice: Advice) -> None:
    some = " ".join(death.task for death in deaths[:4])
    nodes = ",".join(sorted({death.node for death in deaths if death.node}))
    click.echo(
        f"  {len(deaths)} worker{'s' if len(deaths) > 1 else ''} ended: {cause.words} ({some}, node {nodes or '?'})"
    )
    if all(death.again for death in deaths):
        click.echo("    SLURM starts it again by itself")
    else:
        click.echo(f"    {advice.against(cause, nodes=nodes, task=deaths[0].task)}")
