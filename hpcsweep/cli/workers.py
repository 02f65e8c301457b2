"""How the verbs speak of SLURM's side of a sweep: who waits and why, who runs where, who died of what."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hpcsweep.slurm.watching.causes import Cause
    from hpcsweep.slurm.watching.deaths import Death
    from hpcsweep.slurm.watching.view import SlurmView
    from hpcsweep.store import Store

SCHEDULER_FLOOR_S = 15.0  # between two questions to the scheduler, however often we look
SHOWN_WORKERS = 8


class WorkersWatch:
    """SLURM's view of a sweep, asked at most every SCHEDULER_FLOOR_S; None for sweeps that never went there."""

    def __init__(self, store: Store, sweep: str) -> None:
        self._store, self._sweep = store, sweep
        self._view: SlurmView | None = None
        self._asked = -SCHEDULER_FLOOR_S

    def view(self, *, at_work: bool) -> SlurmView | None:
        """Return the view, a new one if the last is old enough; `at_work`: whether a run is being trained."""
        from hpcsweep.store.task_files import slurm_submissions

        if time.monotonic() - self._asked >= SCHEDULER_FLOOR_S and slurm_submissions(self._store.layout, self._sweep):
            from hpcsweep.slurm.watching.view import look_at_workers

            self._view = look_at_workers(self._store, self._sweep, at_work=at_work)
            self._asked = time.monotonic()
        return self._view


@dataclass(frozen=True)
class Advice:
    """What to type against a cause, with the names of this sweep filled in."""

    sweep_path: Path
    profile: str

    def against(self, cause: Cause, *, nodes: str = "", run: str = "", task: str = "") -> str:
        """Return the command that helps."""
        names = {"SWEEP": shlex.quote(str(self.sweep_path)), "PROFILE": self.profile, "NODE": nodes, "RUN": run}
        text = cause.fix
        for name, meaning in {**names, "TASK": task}.items():
            text = text.replace(name, meaning) if meaning else text
        return f"type: {text}" if text.startswith("hpcsweep ") else text

    def fill(self, text: str) -> str:
        """Return a note with the sweep's name in it."""
        return text.replace("SWEEP", shlex.quote(str(self.sweep_path)))


def add_causes(rows: list[dict[str, Any]], runs: list[Any], store: Store, view: SlurmView) -> None:
    """Give the rows of unfinished runs the cause of their worker's death, where one is known."""
    from hpcsweep.store.claims import read_owner

    deaths = {death.task: death for death in view.deaths}
    if not deaths:
        return
    for row, run in zip(rows, runs, strict=True):
        if row["state"] in ("done", "diverged", "running"):
            continue
        seen = store.look(run.trajectory)
        death = deaths.get(str(read_owner(seen.folder, seen.generation).get("worker"))) if seen.generation else None
        if death and (row["cause"] is None or row["cause"].startswith("worker died")):
            row["cause"] = f"{death.cause.name}: {death.cause.words}"


def to_json(view: SlurmView) -> dict[str, Any]:
    """Return the view as `status --json` prints it."""
    return {
        "pending": len(view.pending),
        "running": [{"task": task.name, "node": task.node, "since": task.start} for task in view.running],
        "why_pending": [
            {"code": reason.code, "words": reason.words, "stuck": reason.stuck, "count": count}
            for count, reason in view.reasons()
        ],
        "deaths": [
            {"task": death.task, "cause": death.cause.name, "node": death.node, "again": death.again}
            for death in view.deaths
        ],
        "notes": view.notes,
    }


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
