"""`hpcsweep show RUN`: everything recorded of a run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hpcsweep.cli.common import json_option, open_store, store_option


@click.command("show")
@click.argument("run")
@json_option
@store_option
def command(run: str, as_json: bool, store: str | None) -> None:
    """Print everything recorded of RUN: an id, or the beginning of one."""
    from hpcsweep.results import record_of
    from hpcsweep.results.describe import describe

    opened = open_store(store, Path.cwd())
    record = record_of(opened, *opened.find_run(run))
    if as_json:
        click.echo(json.dumps(record, allow_nan=False))
    else:
        click.echo("\n".join(describe(record)))
