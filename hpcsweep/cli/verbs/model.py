"""`hpcsweep model SWEEP`: the trained model of the best run."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, store_option, sweep_argument


@click.command("model")
@sweep_argument
@store_option
@click.option("--best", required=True, metavar="VALUE", help="By what: max_val_accuracy, min_loss, a returned metric.")
@click.option("--where", metavar="CONDITION", help="Only runs such as \"optimizer == 'adam'\".")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Copy the model there, as best.keras.")
def command(sweep_path: Path, store: str | None, best: str, where: str | None, out: Path | None) -> None:
    """Give the trained Keras model of the best run of SWEEP; keras.models.load_model opens it.

    Models are kept where the sweep file says [keep] model = true.
    """
    from hpcsweep.results import best_model

    run_id, path = best_model(sweep_path, best, where=where, store=store)
    note(f"the best run by {best} is {run_id}")
    if out is not None:
        shutil.copyfile(path, out)
    echo(out or path)
