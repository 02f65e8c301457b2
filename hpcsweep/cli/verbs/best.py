"""`hpcsweep best SWEEP`: which setting is best, and whether that is more than luck."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.options import echo, json_option, note, source_argument, store_option, where_option
from hpcsweep.errors import UsageError, to_type
from hpcsweep.files import json_text

if TYPE_CHECKING:
    from hpcsweep.statistics import Best


@click.command("best")
@source_argument
@click.option("--value", metavar="METRIC", help="What decides, such as val_loss or f1  [default: val_accuracy, ...]")
@click.option(
    "--add-seeds",
    metavar="[N]",
    is_flag=False,
    flag_value="",
    help="Write N more seeds into SWEEP  [default: as many as would decide]",
)
@where_option
@json_option
@store_option
def command(
    source: Path, value: str | None, add_seeds: str | None, where: str | None, as_json: bool, store: str | None
) -> None:
    """Say which setting of SWEEP is best, and which others cannot be told from it.

    Settings are compared by the same seeds, with one correction for their number; nothing is claimed from fewer than
    three seeds. The margin over the next comes with its interval, and with the number of seeds that would decide it.
    """
    from hpcsweep.results import load
    from hpcsweep.statistics import best
    from hpcsweep.tables.formats.plain import frame_text

    if add_seeds is not None:
        _check(source, add_seeds)
    results = load(source, store=store, say=note)
    found = best(results, value, where=where)
    if as_json:
        echo(json_text(found.to_json()))
    else:
        for line in found.in_words():
            echo(line)
        echo(f"\n{frame_text(found.settings)}", nl=False)
    if add_seeds is not None:
        _add_seeds(source, found, add_seeds, results.to_type("run"))
    elif found.more_seeds:
        words = [*results.words, "--value", found.metric, *(["--where", where] if where else []), "--add-seeds"]
        note(f"to add these seeds to the sweep, type: {to_type('best', *words)}")


def _check(source: Path, wanted: str) -> None:
    if source.is_dir():
        raise UsageError(f"--add-seeds: {source} is a store; expected a sweep file")
    if wanted and not wanted.isdecimal():
        raise UsageError(f'--add-seeds: found "{wanted}", expected a number')


def _add_seeds(source: Path, found: Best, wanted: str, next_command: str) -> None:
    from hpcsweep.sweep.add_seeds import add_seeds

    if not wanted and not found.more_seeds:
        why = "more than 100 would be needed" if found.more_seeds is None else "none is known to be needed"
        raise UsageError(f"--add-seeds: {why}; expected how many, such as --add-seeds 5")
    added = add_seeds(source, int(wanted) if wanted else found.more_seeds or 0)
    seeds = f"seed {added[0]}" if len(added) == 1 else f"seeds {added[0]} to {added[-1]}"
    note(f"{source}: added {seeds}, for every setting of it; to train them, type: {next_command}")
