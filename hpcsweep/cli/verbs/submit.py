"""`hpcsweep submit SWEEP`: send workers to SLURM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpcsweep.cli.common import store_option, sweep_argument
from hpcsweep.cli.sending import (
    Sending,
    confirm_removed,
    nothing_to_do,
    open_sending,
    request_options,
    script_of,
    send,
    size_of,
    uncovered,
)


@click.command("submit")
@sweep_argument
@store_option
@request_options
@click.option("--dry-run", is_flag=True, help="Print the batch script; submit nothing.")
@click.option("--test", is_flag=True, help="Ask the scheduler when it would start; submit nothing.")
@click.option("--when", is_flag=True, help="Compare times, GPUs and partitions by expected start; submit nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask about runs that were removed from the sweep.")
def command(
    sweep_path: Path, store: str | None, dry_run: bool, test: bool, when: bool, yes: bool, **wishes: Any
) -> None:
    """Send workers for what SWEEP lacks to SLURM, and return at once.

    Safe to repeat: what has workers in the queue is left to them, what is done stays done.
    """
    sending = open_sending(sweep_path, store, wishes, look_only=dry_run or test or when)
    todo = uncovered(sending, failed=False)
    if not todo:
        nothing_to_do(sending, failed=False)
        return
    if when:
        _print_when(sending)
        return
    size = size_of(sending, len(todo))
    if dry_run:
        click.echo(script_of(sending, size))
    elif test:
        from hpcsweep.slurm.sending.submit import expected_start

        click.echo(expected_start(sending.request, size.workers))
    else:
        confirm_removed(sending, yes=yes)
        send(sending, todo, size)


def _print_when(sending: Sending) -> None:
    from hpcsweep.slurm.asking.when import compare_requests, describe_offers

    for line in describe_offers(compare_requests(sending.request, sending.limits)):
        click.echo(line)
