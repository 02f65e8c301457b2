"""`hpcsweep note RUN TEXT`: a text that is kept beside a run's results."""

from __future__ import annotations

import click

from hpcsweep.cli.options import note, remark_options, store_option


@click.command("note")
@click.argument("run")
@click.argument("text")
@remark_options
@store_option
def command(run: str, text: str, setting: bool, remove: bool, store: str | None) -> None:
    """Note TEXT about RUN: an id, or the beginning of one.

    It is kept in the store, stands in the column notes of tables and the report, and is found by
    --where 'note == "TEXT"'.
    """
    from hpcsweep.launch.remark import add_note

    note(add_note(run, text, setting=setting, remove=remove, store=store))
