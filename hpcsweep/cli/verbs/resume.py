"""`hpcsweep resume SWEEP`: send workers to SLURM for what is unfinished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpcsweep.cli.common import store_option, sweep_argument
from hpcsweep.cli.sending import nothing_to_do, open_sending, request_options, send, size_of, uncovered


@click.command("resume")
@sweep_argument
@store_option
@request_options
@click.option("--failed", "retry_failed", is_flag=True, help="Also try the failed runs again.")
def command(sweep_path: Path, store: str | None, retry_failed: bool, **wishes: Any) -> None:
    """Send workers for what is unfinished of SWEEP, going on from its checkpoints.

    Failed runs are left alone unless --failed says otherwise; --mem, --time and --exclude mend what they died of.
    """
    sending = open_sending(sweep_path, store, wishes)
    todo = uncovered(sending, failed=retry_failed)
    if not todo:
        nothing_to_do(sending, failed=retry_failed)
        return
    send(sending, todo, size_of(sending, len(todo)))
