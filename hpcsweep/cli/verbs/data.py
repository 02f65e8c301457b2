"""`hpcsweep data list|fetch|check`: data sets into the data folder, and whether they are well."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.options import json_option, note

if TYPE_CHECKING:
    from hpcsweep.data.catalogue import Published

BUILT_IN = {
    "digits": "scikit-learn's 1,797 real handwritten digits, 8x8",
    "shapes": "circles, squares and triangles drawn with scikit-image, as many as asked for",
    "sine": "points of sin(x), for regressions",
    "synthetic": "random images of MNIST's shape, for benchmarks",
}

data_option = click.option(
    "--data",
    "folder",
    metavar="DIR",
    help="The data folder  [default: the profile's, else $HPCSWEEP_DATA, else data/]",
)
profile_option = click.option("--profile", metavar="NAME", help="Take the data folder of this profile.")


@click.group("data", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Data sets: what there is, fetching the published ones, checking what is in the data folder.

    Fetch on a machine with a network, such as a login node, before submitting: workers only read.
    """


@command.command("list")
@data_option
@profile_option
@json_option
def list_(folder: str | None, profile: str | None, as_json: bool) -> None:
    """List all data sets and whether they are there."""
    from hpcsweep.data.catalogue import CATALOGUE
    from hpcsweep.data.folder import find

    places = _folders(folder, profile)
    rows = [{"name": name, "what": what, "state": "built in"} for name, what in BUILT_IN.items()]
    for published in CATALOGUE.values():
        found = find(published, *places)
        at = "" if found is None or found.paths[0].is_relative_to(places[0]) else f", {found.paths[0].parent}"
        state = f"there ({found.form}{at})" if found else f"not there; {published.megabytes} MB"
        rows.append({"name": published.name, "what": published.title, "state": state})
    if as_json:
        json.dump({"folder": str(places[0]), "data": rows}, sys.stdout)
        click.echo()
        return
    note(f"data folder: {places[0]}")
    widths = {column: max(len(row[column]) for row in rows) for column in ("name", "what")}
    for row in rows:
        click.echo(f"{row['name']:<{widths['name']}}  {row['what']:<{widths['what']}}  {row['state']}")


@command.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@data_option
@profile_option
def fetch(names: tuple[str, ...], folder: str | None, profile: str | None) -> None:
    """Fetch the published data sets NAME..., checksummed.

    Files that are there and well are left alone. A broken download goes on where it stopped when the command is
    given again.
    """
    from hpcsweep.data.fetch import fetch as fetch_files

    where = _folders(folder, profile)[0]
    for published in [_published(name) for name in names]:
        note(f"{published.title} ({published.megabytes} MB, {published.licence})")
        for path in fetch_files(published, where, report=note):
            click.echo(path)


@command.command()
@click.argument("names", metavar="[NAME...]", nargs=-1)
@data_option
@profile_option
@json_option
def check(names: tuple[str, ...], folder: str | None, profile: str | None, as_json: bool) -> int:
    """Check NAME..., or all that is there: headers, sizes, counts, labels, and the content, whatever it is packed in.

    Exits with 2 where something is wrong, with 3 where there is nothing to check.
    """
    from hpcsweep.data.catalogue import CATALOGUE
    from hpcsweep.data.folder import find, judge
    from hpcsweep.errors import NothingSelectedError, to_type

    places = _folders(folder, profile)
    chosen = [_published(name) for name in names] or [each for each in CATALOGUE.values() if find(each, *places)]
    if not chosen:
        raise NothingSelectedError(
            f"{places[0]}: holds no published data set; type: {to_type('data', 'fetch', 'mnist', '--data', places[0])}"
        )
    verdicts = {published.name: judge(published, *places) for published in chosen}
    if as_json:
        problems = {name: verdict.problems for name, verdict in verdicts.items()}
        not_compared = [name for name, verdict in verdicts.items() if not (verdict.problems or verdict.compared)]
        json.dump({"folder": str(places[0]), "problems": problems, "not_compared": not_compared}, sys.stdout)
        click.echo()
    else:
        for name, verdict in verdicts.items():
            well = "well" if verdict.compared else "readable, but what its unpacked content should be is not published"
            click.echo("\n".join(verdict.problems) or f"{name}: {well}")
    return 2 if any(verdict.problems for verdict in verdicts.values()) else 0


def _folders(option: str | None, profile: str | None) -> list[Path]:
    """Where to look. The option wins over the profile, which wins over the variable and the default."""
    from hpcsweep.data.folder import data_folders
    from hpcsweep.sweep.profile import load_profile

    named = load_profile(Path.cwd(), profile).data if profile else None
    return data_folders(option or named)


def _published(name: str) -> Published:
    from hpcsweep.data.catalogue import published
    from hpcsweep.errors import UsageError

    if name in BUILT_IN:
        raise UsageError(f"{name}: ships with hpcsweep or is generated; there is nothing to fetch or check")
    return published(name)
