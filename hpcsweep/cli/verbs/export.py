"""`hpcsweep export SWEEP`: runs and history as files, for the user's own tools."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, source_argument, store_option, where_option
from hpcsweep.errors import UsageError

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("export")
@source_argument
@click.option("--out", "folder", metavar="DIR", type=_FOLDER, help="Write Parquet files to this folder.")
@click.option("--csv", is_flag=True, help="CSV instead of Parquet.")
@click.option("--tensorboard", metavar="DIR", type=_FOLDER, help="Write event files: scalars and HParams.")
@click.option("--mlflow", metavar="DIR", type=_FOLDER, help="Write a database of MLflow's, mlflow.db.")
@click.option("--wandb", metavar="DIR", type=_FOLDER, help="Not offered: its files have no public, stable format.")
@where_option
@store_option
def command(
    source: Path,
    folder: Path | None,
    csv: bool,
    tensorboard: Path | None,
    mlflow: Path | None,
    wandb: Path | None,
    where: str | None,
    store: str | None,
) -> None:
    """Write the runs and the history of SWEEP for other tools; hpcsweep.results.read_export reads --out back."""
    if wandb:
        raise UsageError(
            "--wandb is not offered: the files of wandb's offline runs have no public, stable format; "
            "expected --tensorboard DIR, whose files wandb imports"
        )
    if not (folder or tensorboard or mlflow):
        raise UsageError("nothing to write; expected --out DIR, --tensorboard DIR or --mlflow DIR")
    from hpcsweep.results import export, export_mlflow, export_tensorboard, load
    from hpcsweep.results.query.select import select

    selected = select(load(source, store=store, say=note), where)
    if folder:
        for path in export(selected, folder, csv=csv):
            echo(path)
    if tensorboard:
        note(f"{export_tensorboard(selected, tensorboard)} finished runs; look: tensorboard --logdir {tensorboard}")
        echo(tensorboard)
    if mlflow:
        database = mlflow.absolute() / "mlflow.db"
        note(
            f"{export_mlflow(selected, mlflow)} finished runs; look: mlflow ui --backend-store-uri sqlite:///{database}"
        )
        echo(database)
    states = selected.column("state").value_counts()
    note(", ".join(f"{count} {state}" for state, count in states.items()))
