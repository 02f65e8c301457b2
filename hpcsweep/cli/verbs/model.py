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

    It has the weights that gave VALUE, if [keep] in the sweep file has kept them; if not, you are told.
    """
    from hpcsweep.results import best_model

    found = best_model(sweep_path, best, where=where, store=store)
    note(f"the best run by {best} is {found.run}")
    if not found.gives_the_number:
        note(
            f"WARNING: its {best} is {found.number:.6g}; the weights that were kept are those of epoch {found.epoch}, "
            f'with {found.number_there:.6g}: [keep] model = "best" keeps those of the best epoch'
        )
    if out is not None:
        shutil.copyfile(found.path, out)
    echo(out or found.path)
