"""`hpcsweep logs RUN`: what the attempts at a run printed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.common import note, open_store, store_option
from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.store import Store


@click.command("logs")
@click.argument("run", required=False)
@store_option
@click.option("--follow", "-f", is_flag=True, help="Go on printing as it grows; ctrl-C ends.")
@click.option("--all", "all_attempts", is_flag=True, help="Every attempt, not only the newest.")
@click.option("--worker", metavar="TASK", help="What a worker itself printed, such as 1234_5, instead of a run.")
def command(run: str | None, store: str | None, follow: bool, all_attempts: bool, worker: str | None) -> None:
    """Print the log of RUN: an id, or the beginning of one. A failed run's log ends with its traceback."""
    opened = open_store(store, Path.cwd())
    if worker:
        _print_worker(opened, worker, follow)
        return
    if run is None:
        raise UsageError("found neither a run nor a worker; type: hpcsweep logs RUN, or: hpcsweep logs --worker TASK")
    trajectory_id, run_id = opened.find_run(run)
    paths = opened.log_paths(trajectory_id)
    if not paths:
        raise NothingSelectedError(f"run {short_id(run_id)} has no log: it was not begun yet; expected an attempt")
    end = _print(paths if all_attempts else paths[-1:])
    failure = opened.failure(trajectory_id)
    if failure and failure.message:
        note(f"== failed ({failure.cause}): {failure.message}")
    if follow:
        _follow(paths[-1], end)


def _print_worker(store: Store, task: str, follow: bool) -> None:
    from hpcsweep.store.task_files import worker_logs

    paths = worker_logs(store.layout, task)
    if not paths:
        raise NothingSelectedError(f"no worker {task} has begun; see who has: hpcsweep status SWEEP")
    end = _print(paths)
    if follow:
        _follow(paths[-1], end)


def _print(paths: list[Path]) -> int:
    """Print logs one after the other; return where in the last one we are."""
    end = 0
    for path in paths:
        note(f"== {path}")
        with open(path, "rb") as log:
            click.echo(log.read().decode(errors="replace"), nl=False)
            end = log.tell()
    return end


def _follow(path: Path, begin: int) -> None:
    """Print what is added to a log from byte `begin` on, until somebody interrupts."""
    with open(path, errors="replace") as log:
        log.seek(begin)
        while True:
            text = log.read()
            click.echo(text, nl=False) if text else time.sleep(0.3)
