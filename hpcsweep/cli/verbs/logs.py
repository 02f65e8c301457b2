"""`hpcsweep logs RUN`: what the attempts at a run printed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.options import echo, note, store_option

if TYPE_CHECKING:
    from hpcsweep.launch.logs import Logs


@click.command("logs")
@click.argument("run", required=False)
@store_option
@click.option("--follow", "-f", is_flag=True, help="Keep printing as it grows; ctrl-C ends.")
@click.option("--all", "all_attempts", is_flag=True, help="Every attempt, not only the newest.")
@click.option(
    "--worker", metavar="TASK", help="Print what a worker, such as 1234_5, itself printed, instead of the log of a run."
)
def command(run: str | None, store: str | None, follow: bool, all_attempts: bool, worker: str | None) -> None:
    """Print the log of RUN: an id, or the beginning of one. A failed run's log ends with its traceback."""
    from hpcsweep.errors import UsageError
    from hpcsweep.launch.logs import logs, logs_of_worker
    from hpcsweep.store.opening import open_store

    if worker:
        found = logs_of_worker(open_store(store), worker)
    elif run is not None:
        found = logs(open_store(store), run)
    else:
        raise UsageError("found neither a run nor a worker; type: hpcsweep logs RUN, or: hpcsweep logs --worker TASK")
    end = _print(found, found.paths if all_attempts or worker else found.paths[-1:])
    if found.failure and found.failure.message:
        note(f"== failed ({found.failure.cause}): {found.failure.message}")
    if follow and found.paths[-1].exists():  # to what is packed nothing is added
        _follow(found.paths[-1], end)


def _print(logs: Logs, paths: tuple[Path, ...]) -> int:
    """Print logs one after the other; return the position in the last one."""
    end = 0
    for path in paths:
        note(f"== {path}")
        text = logs.read(path)
        echo(_lines(text.decode(errors="replace")), nl=False)
        end = len(text)
    return end


def _follow(path: Path, begin: int) -> None:
    """Print what is added to a log from byte `begin` on, until somebody interrupts."""
    from hpcsweep.store.reader import open_safely

    with os.fdopen(open_safely(path), errors="replace") as log:
        log.seek(begin)
        while True:
            text = log.read()
            echo(_lines(text), nl=False) if text else time.sleep(0.3)


def _lines(text: str) -> str:
    """Return a log with each state of its progress bars, which return to the beginning of their line, as a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
