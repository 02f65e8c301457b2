"""`hpcsweep verify SWEEP`: proof that the results are what they say."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, store_option, sweep_argument
from hpcsweep.errors import UsageError


@click.command("verify")
@sweep_argument
@store_option
@click.option(
    "--sample",
    metavar="N|all",
    default="1",
    show_default=True,
    help="Runs to train again, each alone, with its own code.",
)
@click.option("--no-train", is_flag=True, help="Train nothing, only check what is stored, as does --sample 0.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Draw the sample with this seed  [default: a new one each time]"
)
@click.option("--run", "runs", metavar="ID", multiple=True, help="Train this run again, in place of a sample.")
def command(
    sweep_path: Path, store: str | None, sample: str, no_train: bool, seed: int | None, runs: tuple[str, ...]
) -> int:
    """Check the hashes of all results of SWEEP and that every model was fresh; train a sample again and compare.

    Exit code 1 if anything is wrong.
    """
    from hpcsweep.launch.verify import verify

    if not sample.isdecimal() and sample != "all":
        raise UsageError(f'--sample: found "{sample}", expected a number of runs, or all')
    if runs and (no_train or sample != "1" or seed is not None):
        raise UsageError("--run says which runs are trained again; expected it without --sample, --seed and --no-train")
    number = 0 if no_train else None if sample == "all" else int(sample)
    found = verify(sweep_path, store=store, sample=number, seed=seed, runs=runs, say=note)
    for line in found.in_words():
        echo(line)
    return 0 if found.ok else 1
