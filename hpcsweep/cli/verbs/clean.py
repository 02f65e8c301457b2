"""`hpcsweep clean`: remove from the store what can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hpcsweep.cli.options import echo, note, store_option

if TYPE_CHECKING:
    from hpcsweep.launch.clean import Leftovers


@click.command("clean")
@store_option
@click.option(
    "--checkpoints",
    is_flag=True,
    help="Also remove the checkpoints of what is done; a longer training then starts over.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(store: str | None, checkpoints: bool, dry_run: bool, yes: bool) -> None:
    """Remove caches, partly written files and what ended submissions left; never a result, a log or a failure.

    First says what it would remove, and asks.
    """
    from hpcsweep.launch.clean import clean

    def agree(leftovers: Leftovers) -> bool:
        for line in leftovers.in_words():
            echo(line)
        return not dry_run and (yes or click.confirm("remove them?", err=True))

    cleaned = clean(store, checkpoints=checkpoints, agree=agree)
    if not cleaned.found:
        note(cleaned.in_words()[0])
    elif cleaned.removed:
        note("removed")
