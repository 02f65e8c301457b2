"""`hpcsweep tag RUN TAG`: a word that is kept beside a run's results."""

from __future__ import annotations

import click

from hpcsweep.cli.options import note, remark_options, store_option


@click.command("tag")
@click.argument("run")
@click.argument("tag")
@remark_options
@store_option
def command(run: str, tag: str, setting: bool, remove: bool, store: str | None) -> None:
    """Tag RUN (an id, or the beginning of one) with the word TAG.

    It is kept in the store, stands in the column tags of tables and the report, and is found by --where 'tag == "TAG"'.
    """
    from hpcsweep.launch.remark import add_tag

    note(add_tag(run, tag, setting=setting, remove=remove, store=store))
