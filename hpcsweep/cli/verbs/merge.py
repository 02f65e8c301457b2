"""`hpcsweep merge STORE`: copy the results of another store into this one."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, store_option


@click.command("merge")
@click.argument("other", metavar="STORE", type=click.Path(path_type=Path))
@store_option
def command(other: Path, store: str | None) -> int:
    """Copy the results of STORE, a folder, into the store of this study; STORE is not changed.

    A run that both have must have the same numbers, code and data; if not, you are told, and this store keeps its own.
    Exit code 1 if something differs or is damaged.
    """
    from hpcsweep.launch.merge import merge

    merged = merge(other, store=store)
    for line in merged.in_words():
        echo(line)
    return 1 if merged.different or merged.damaged else 0
