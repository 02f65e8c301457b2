"""`hpcsweep report SWEEP`: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, source_argument, store_option, where_option


@click.command("report")
@source_argument
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write  [default: NAME-report.html]",
)
@where_option
@store_option
def command(source: Path, out: Path | None, where: str | None, store: str | None) -> None:
    """Write all that came out of SWEEP into one HTML file that needs no network, and print the file's name."""
    from hpcsweep.report import write_report
    from hpcsweep.results import load

    results = load(source, store=store, say=note)
    echo(write_report(results, out or Path(f"{results.title}-report.html"), where=where))
