"""`hpcsweep migrate SWEEP`: give results the ids that they would have under the job's parameters of today."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, store_option, sweep_argument


@click.command("migrate")
@sweep_argument
@store_option
@click.option("--rename", metavar="OLD=NEW", multiple=True, help="A parameter that has another name now.")
@click.option(
    "--default", metavar="NAME=VALUE", multiple=True, help="A value that old results were made with, but do not record."
)
@click.option("--drop", metavar="NAME", multiple=True, help="A parameter that the job no longer has.")
@click.option("--yes", "-y", "do", is_flag=True, help="Do it, instead of only saying what would be done.")
def command(
    sweep_path: Path,
    store: str | None,
    rename: tuple[str, ...],
    default: tuple[str, ...],
    drop: tuple[str, ...],
    do: bool,
) -> None:
    """Say which results of SWEEP's job take which ids after a change of its parameters; with --yes, do it.

    The results under their old ids are put aside in a store of their own; `hpcsweep merge` brings them back.
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
        echo(line)


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    from hpcsweep.errors import UsageError

    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UsageError(f'{option}: found "{text}", expected two names or a name and a value with = between')
        pairs[name] = value
    return pairs
