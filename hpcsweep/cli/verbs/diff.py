"""`hpcsweep diff RUN RUN...`: how runs differ."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hpcsweep.cli.common import json_option, note, open_store, store_option
from hpcsweep.errors import UsageError


@click.command("diff")
@click.argument("runs", nargs=-1, metavar="RUN RUN...")
@json_option
@store_option
def command(runs: tuple[str, ...], as_json: bool, store: str | None) -> None:
    """Print in what two or more finished runs differ: parameters, facts, results, and since which epoch."""
    if len(runs) < 2:
        raise UsageError(f"found {len(runs)} runs, expected two or more; type: hpcsweep diff RUN RUN")
    from hpcsweep.results import diff_of
    from hpcsweep.tables.formats.plain import frame_text

    opened = open_store(store, Path.cwd())
    frame = diff_of(opened, [opened.find_run(run) for run in runs])
    if as_json:
        click.echo(json.dumps(frame.where(frame.notna(), None).to_dict(orient="records")))
    elif len(frame):
        click.echo(frame_text(frame), nl=False)
    else:
        note("the runs are the same in everything recorded")
