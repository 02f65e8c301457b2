"""`hpcsweep scale SWEEP N`: change how many workers a sweep wants."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, store_option, sweep_argument


@click.command("scale")
@sweep_argument
@click.argument("workers", metavar="N", type=int)
@store_option
@click.option("--profile", metavar="NAME", help="A profile in jobs/profiles/, in place of that of the newest workers.")
def command(sweep_path: Path, workers: int, store: str | None, profile: str | None) -> None:
    """Bring SWEEP to N workers on SLURM, and keep it there when workers end.

    Workers that are too many leave the queue, or end at a checkpoint from which the others continue; nothing is lost.
    """
    from hpcsweep.launch.scale import scale

    echo(scale(sweep_path, workers, store=store, profile=profile, say=note).in_words())
