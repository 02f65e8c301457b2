"""`hpcsweep migrate SWEEP`: give results the ids that they have under the job's parameters of today."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import note, store_option, sweep_argument


@click.command("migrate")
@sweep_argument
@store_option
@click.option("--rename", metavar="OLD=NEW", multiple=True, help="A parameter has another name now.")
@click.option(
    "--default", metavar="NAME=VALUE", multiple=True, help="What old results were made with, if nothing said it."
)
@click.option("--drop", metavar="NAME", multiple=True, help="A parameter is no more.")
@click.option("--yes", "-y", "do", is_flag=True, help="Do it; without, only say what would be done.")
def command(
    sweep_path: Path,
    store: str | None,
    rename: tuple[str, ...],
    default: tuple[str, ...],
    drop: tuple[str, ...],
    do: bool,
) -> None:
    """Say which results of SWEEP's job take which ids after a change of its parameters; with --yes, do it.

    The results under their old ids are put aside, in a store of its own, from which `hpcsweep merge` brings them back.
    """
    from hpcsweep.launch.migrate import migrate

    found = migrate(
        sweep_path,
        rename=_pairs("--rename", rename),
        default=_pairs("--default", default),
        drop=drop,
        store=store,
        do=do,
        say=note,
    )
    for line in found.in_words():
        click.echo(line)


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    from hpcsweep.errors import UsageError

    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UsageError(f'{option}: found "{text}", expected two names or a name and a value with = between')
        pairs[name] = value
    return pairs
