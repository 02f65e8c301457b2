"""`hpcsweep show RUN`: everything recorded of a run."""

from __future__ import annotations

import click

from hpcsweep.cli.options import echo, json_option, store_option
from hpcsweep.files import json_text


@click.command("show")
@click.argument("run")
@json_option
@store_option
def command(run: str, as_json: bool, store: str | None) -> None:
    """Print everything recorded of RUN: an id, or the beginning of one."""
    from hpcsweep.results import show
    from hpcsweep.results.describe import describe
    from hpcsweep.store.opening import open_store

    record = show(open_store(store), run)
    if as_json:
        echo(json_text(record))
    else:
        echo("\n".join(describe(record)))
