"""`hpcsweep table SWEEP`: the comparison table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.options import (
    json_option,
    note,
    out_option,
    pool_option,
    source_argument,
    split_names,
    store_option,
    where_option,
)
from hpcsweep.errors import UsageError

if TYPE_CHECKING:
    from hpcsweep.results import Results

FORMATS = ("text", "md", "csv", "latex", "html", "json")
KINDS = ("mean", "ci", "median", "iqm", "range", "min", "max")


@click.command("table")
@source_argument
@click.option("--rows", metavar="NAMES", help="Parameters that head the rows; all others that vary follow.")
@click.option("--cols", metavar="NAMES", help="Parameters that head the columns.")
@click.option(
    "--value",
    "values",
    metavar="NAMES",
    multiple=True,
    help="What cells show, one or several: max_val_accuracy, time_s, epochs_to(val_accuracy>=0.8) ...",
)
@click.option(
    "--stat", "kind", type=click.Choice(KINDS), default="mean", show_default=True, help="How the seeds are summed up."
)
@click.option(
    "--columns", metavar="NAME", help="A ready-made layout: s3 (change from the base, averages, extremes) or s3-val."
)
@pool_option
@where_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="What to print.")
@json_option
@click.option("--findings", is_flag=True, help="Also say which differences the seeds support (text, md).")
@click.option("--no-best", is_flag=True, help="Do not mark the best cells.")
@out_option
@store_option
def command(
    source: Path,
    rows: str | None,
    cols: str | None,
    values: tuple[str, ...],
    kind: str,
    columns: str | None,
    pool: str | None,
    where: str | None,
    form: str,
    as_json: bool,
    findings: bool,
    no_best: bool,
    out: Path | None,
    store: str | None,
) -> None:
    """Print the comparison table of SWEEP (a sweep file, or a store's folder): mean ± std (n) of each cell.

    Below it stands what [[expected]] of the sweep file asks for, beside what came out. Exit code 1 if something of it
    does not hold.
    """
    from hpcsweep.cli.printing import deliver, table_width
    from hpcsweep.results import load
    from hpcsweep.statistics.expected import any_fails, compare_expected
    from hpcsweep.tables import render, table
    from hpcsweep.tables.expected import expected_table

    form = "json" if as_json else form
    if findings and form not in ("text", "md"):
        raise UsageError(f"--findings: found the format {form}, expected text or md")
    results = load(source, store=store, say=note)
    made = table(
        results,
        rows=split_names(rows),
        cols=split_names(cols),
        values=split_names(values),
        kind=kind,
        where=where,
        columns=columns,
        pool=split_names(pool),
        best=not no_best,
    )
    text = render(made, form, table_width(to_file=out is not None))
    if findings:
        first, *others = _findings(results, where, made.spec.values[0])
        text = f"{first}\n\n{text}\n" + "".join(f"- {line}\n" for line in others)
    comparisons = compare_expected(results)
    has_room = form in ("text", "md")
    beside = expected_table(comparisons, form if has_room else "text", table_width(to_file=out is not None))
    deliver(f"{text}\n{beside}" if beside and has_room else text, out)
    if beside and not has_room:
        note(beside)
    if any_fails(comparisons):
        raise click.exceptions.Exit(1)


def _findings(results: Results, where: str | None, value: str) -> Iterator[str]:
    from hpcsweep.results.query.select import select
    from hpcsweep.statistics import sentences

    return sentences(select(results, where), value)
