"""`hpcsweep status [SWEEP]`: how far a sweep is, from the store alone."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, json_option, note, store_option
from hpcsweep.files import json_text


@click.command("status")
@click.argument("sweep_path", metavar="[SWEEP]", required=False, type=click.Path(path_type=Path))
@store_option
@json_option
@click.option("--watch", "go_on", is_flag=True, help="Look again every few seconds; ctrl-C ends.")
def command(sweep_path: Path | None, store: str | None, as_json: bool, go_on: bool) -> int:
    """Show the states of the runs of SWEEP, the latest epoch and metrics, and failures by cause.

    Without SWEEP, list the sweeps that the store knows. Exit code 1 if some runs failed.
    """
    from hpcsweep.cli.printing import print_status
    from hpcsweep.launch.status import known_sweeps, watch
    from hpcsweep.store.states import RunState

    if sweep_path is None:
        for sweep in known_sweeps(store):
            echo(f"{sweep.name}: last submitted {sweep.submitted or 'never'} (UTC)")
        return 0
    for status in watch(sweep_path, store=store, say=note):
        if as_json:
            echo(json_text(status.to_json()))
        else:
            print_status(status)
        if not go_on:
            return 1 if status.in_state(RunState.FAILED) else 0
    return 0
