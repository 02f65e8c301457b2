"""`hpcsweep diff RUN RUN...`: how runs differ."""

from __future__ import annotations

import click

from hpcsweep.cli.options import echo, json_option, note, store_option
from hpcsweep.files import json_text


@click.command("diff")
@click.argument("runs", nargs=-1, metavar="RUN RUN...")
@click.option("--code", "of_sweep", metavar="SWEEP", help="How the code of a sweep's results differs from today's.")
@json_option
@store_option
def command(runs: tuple[str, ...], of_sweep: str | None, as_json: bool, store: str | None) -> None:
    """Print in what two or more finished runs differ: parameters, facts, results, and since which epoch.

    With --code: how the code that made the results of a sweep differs from today's, as lines removed and added.
    """
    if of_sweep is not None:
        _print_code(of_sweep, store)
        return
    from hpcsweep.results import diff
    from hpcsweep.store.opening import open_store
    from hpcsweep.tables.formats.plain import frame_text

    frame = diff(open_store(store), *runs)
    if as_json:
        echo(json_text(frame.to_dict(orient="records")))
    elif len(frame):
        echo(frame_text(frame), nl=False)
    else:
        note("the runs are the same in everything recorded")


def _print_code(sweep_path: str, store: str | None) -> None:
    from hpcsweep.launch.code_diff import code_diff

    difference = code_diff(sweep_path, store=store, say=note)
    if difference:
        echo(difference, nl=False)
    else:
        note("the code of all finished runs is today's, or unknown")
