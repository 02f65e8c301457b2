"""`hpcsweep report SWEEP`: one self-contained HTML file."""

from __future__ import annotations

import time
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
@click.option(
    "--watch",
    "every_s",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    help="Write the file again every so many seconds while runs are open; a page that is looked at follows.",
)
@where_option
@store_option
def command(source: Path, out: Path | None, every_s: float | None, where: str | None, store: str | None) -> None:
    """Write all that came out of SWEEP into one HTML file that needs no network, and print the file's name.

    Exit code 1 if something that [[expected]] of the sweep file asks for does not hold.
    """
    from hpcsweep.report import write_report
    from hpcsweep.report.content import open_runs
    from hpcsweep.results import load
    from hpcsweep.statistics.expected import any_fails, compare_expected

    results = load(source, store=store, say=note)
    path = out or Path(f"{results.title}-report.html")
    echo(write_report(results, path, where=where, next_s=every_s))
    while every_s is not None and open_runs(results):
        time.sleep(every_s)
        results = load(source, store=store, say=note)
        write_report(results, path, where=where, next_s=every_s)
    if any_fails(compare_expected(results)):
        raise click.exceptions.Exit(1)
