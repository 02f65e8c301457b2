"""`hpcsweep logs RUN`: what the attempts at a run printed."""

from __future__ import annotations

import time
from pathlib import Path

import click

from hpcsweep.cli.common import note, open_store, resolve_run, store_option
from hpcsweep.errors import NothingSelectedError


@click.command("logs")
@click.argument("run")
@store_option
@click.option("--follow", "-f", is_flag=True, help="Go on printing as it grows; ctrl-C ends.")
@click.option("--all", "all_attempts", is_flag=True, help="Every attempt, not only the newest.")
def command(run: str, store: str | None, follow: bool, all_attempts: bool) -> None:
    """Print the log of RUN: an id, or the beginning of one. A failed run's log ends with its traceback."""
    opened = open_store(store, Path.cwd())
    trajectory_id, run_id = resolve_run(opened, run)
    paths = opened.log_paths(trajectory_id)
    if not paths:
        raise NothingSelectedError(f"run {run_id[:12]} has no log: it was not begun yet; expected an attempt at it")
    for path in paths if all_attempts else paths[-1:]:
        note(f"== {path}")
        click.echo(path.read_text(errors="replace"), nl=False)
    failure = opened.failure(trajectory_id)
    if failure and failure.message:
        note(f"== failed ({failure.cause}): {failure.message}")
    if follow:
        _follow(paths[-1])


def _follow(path: Path) -> None:
    with open(path, errors="replace") as log:
        log.seek(0, 2)
        while True:
            text = log.read()
            click.echo(text, nl=False) if text else time.sleep(0.3)
