"""`hpcsweep verify SWEEP`: proof that the results are what they say."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import note, store_option, sweep_argument


@click.command("verify")
@sweep_argument
@store_option
@click.option(
    "--sample", type=click.IntRange(min=0), default=1, show_default=True, help="Runs to train again, each alone."
)
def command(sweep_path: Path, store: str | None, sample: int) -> int:
    """Check the hashes of all results of SWEEP and that every model was fresh; train a sample again and compare bits.

    Exit code 1 if anything is wrong.
    """
    from hpcsweep.launch.verify import verify

    found = verify(sweep_path, store=store, sample=sample, say=note)
    for line in found.in_words():
        click.echo(line)
    return 0 if found.ok else 1
