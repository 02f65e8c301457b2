"""`hpcsweep cancel SWEEP|RUN...`: stop workers of a sweep, or single runs."""

from __future__ import annotations

import click

from hpcsweep.cli.options import echo, note, store_option


@click.command("cancel")
@click.argument("targets", metavar="SWEEP|RUN...", nargs=-1, required=True)
@store_option
def command(targets: tuple[str, ...], store: str | None) -> None:
    """Stop the workers of a sweep (a .toml file), or single runs (ids, or their beginnings).

    Workers have time to write checkpoints. What is done stays; `hpcsweep resume` continues from the checkpoints.
    """
    from hpcsweep.launch.cancel import cancel
    from hpcsweep.store.opening import open_store

    for target in targets:
        sweep = target.endswith(".toml")
        told = cancel(target, store=store, say=note) if sweep else cancel(open_store(store), target)
        for line in told.lines:
            echo(line)
