"""`hpcsweep resume SWEEP`: send workers to SLURM for what is unfinished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpcsweep.cli.options import (
    choice_options,
    echo,
    max_gpu_hours_option,
    note,
    request_options,
    shared_option,
    store_option,
    sweep_argument,
)


@click.command("resume")
@sweep_argument
@store_option
@shared_option
@request_options
@max_gpu_hours_option
@click.option("--failed", "retry_failed", is_flag=True, help="Also try the failed runs again.")
@choice_options
def command(
    sweep_path: Path,
    store: str | None,
    shared: str | None,
    max_gpu_hours: float | None,
    retry_failed: bool,
    keep_code: bool,
    keep_data: bool,
    retrain: bool,
    **wishes: Any,
) -> None:
    """Send workers for what is unfinished of SWEEP, to continue from its checkpoints.

    Failed runs are left alone unless you give --failed; --mem, --time and --exclude help against what they died of.
    """
    from hpcsweep.launch.cluster import resume
    from hpcsweep.launch.standing import Choice

    choice = Choice(keep_code, keep_data, retrain)
    asked: dict[str, Any] = {"store": store, "shared": shared, "max_gpu_hours": max_gpu_hours, "say": note, **wishes}
    sent = resume(sweep_path, failed=retry_failed, choice=choice, **asked)
    if sent.arrays:
        echo(sent.in_words())
