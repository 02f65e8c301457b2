"""`hpcsweep diff RUN RUN...`: how runs differ."""

from __future__ import annotations

import click

from hpcsweep.cli.options import json_option, note, store_option
from hpcsweep.files import json_text


@click.command("diff")
@click.argument("runs", nargs=-1, metavar="RUN RUN...")
@json_option
@store_option
def command(runs: tuple[str, ...], as_json: bool, store: str | None) -> None:
    """Print in what two or more finished runs differ: parameters, facts, results, and since which epoch."""
    from hpcsweep.results import diff
    from hpcsweep.store.opening import open_store
    from hpcsweep.tables.formats.plain import frame_text

    frame = diff(open_store(store), *runs)
    if as_json:
        click.echo(json_text(frame.to_dict(orient="records")))
    elif len(frame):
        click.echo(frame_text(frame), nl=False)
    else:
        note("the runs are the same in everything recorded")
