"""`hpcsweep pack`: put the files of finished runs into few."""

from __future__ import annotations

import click

from hpcsweep.cli.options import note, store_option


@click.command("pack")
@store_option
@click.option("--undo", is_flag=True, help="Give all trajectories folders of their own again.")
def command(store: str | None, undo: bool) -> None:
    """Put the files of all finished trajectories into packs: a few large files in place of many small ones.

    Every verb gives the same answers as before. Workers do this by themselves where there is much to pack.
    """
    from hpcsweep.launch.pack import pack

    note(pack(store, undo=undo).in_words())
