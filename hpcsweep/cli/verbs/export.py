"""`hpcsweep export SWEEP --out DIR`: runs and history as files."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, source_argument, store_option, where_option


@click.command("export")
@source_argument
@click.option(
    "--out",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to.",
)
@click.option("--csv", is_flag=True, help="CSV instead of Parquet.")
@where_option
@store_option
def command(source: Path, folder: Path, csv: bool, where: str | None, store: str | None) -> None:
    """Write the runs and the history of SWEEP as Parquet (or CSV); hpcsweep.results.read_export reads them back."""
    from hpcsweep.results import export, load
    from hpcsweep.results.query.select import select

    selected = select(load(source, store=store, say=note), where)
    for path in export(selected, folder, csv=csv):
        echo(path)
    states = selected.column("state").value_counts()
    note(", ".join(f"{count} {state}" for state, count in states.items()))
