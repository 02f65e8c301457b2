"""`hpcsweep submit SWEEP`: send workers to SLURM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hpcsweep.cli.options import (
    agree_to_removed,
    choice_options,
    echo,
    max_gpu_hours_option,
    note,
    request_options,
    shared_option,
    store_option,
    sweep_argument,
)


@click.command("submit")
@sweep_argument
@store_option
@shared_option
@request_options
@max_gpu_hours_option
@click.option("--dry-run", is_flag=True, help="Print the batch script; submit nothing.")
@click.option("--test", is_flag=True, help="Ask the scheduler when the workers would start; submit nothing.")
@click.option("--when", is_flag=True, help="Compare times, GPUs and partitions by expected start; submit nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask about runs that were removed from the sweep.")
@choice_options
def command(
    sweep_path: Path,
    store: str | None,
    shared: str | None,
    max_gpu_hours: float | None,
    dry_run: bool,
    test: bool,
    when: bool,
    yes: bool,
    links: int | None,
    keep_code: bool,
    keep_data: bool,
    retrain: bool,
    **wishes: Any,
) -> None:
    """Send workers for what SWEEP lacks to SLURM, and return at once.

    Safe to repeat: trajectories with workers in the queue are left to them, and what is done stays done.
    """
    from hpcsweep.launch import cluster, preview
    from hpcsweep.launch.standing import Choice
    from hpcsweep.slurm.asking.when import describe_offers

    said: str | None
    asked: dict[str, Any] = {"store": store, "say": note, **wishes}
    if when:
        said = "\n".join(describe_offers(preview.compare_starts(sweep_path, **asked)))
    elif dry_run:
        said = preview.batch_script(sweep_path, **asked)
    elif test:
        said = preview.start_of_workers(sweep_path, **asked)
    else:
        agree = _agree_to_all if yes else agree_to_removed
        choice = Choice(keep_code, keep_data, retrain)
        asked |= {"links": links, "shared": shared, "max_gpu_hours": max_gpu_hours}
        said = cluster.submit(sweep_path, agree=agree, choice=choice, **asked).in_words()
    if said:
        echo(said)


def _agree_to_all(removed: Sequence[str]) -> bool:
    return True
