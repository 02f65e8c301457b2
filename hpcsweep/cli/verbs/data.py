"""`hpcsweep data list|fetch|check`: data sets in the data folder, and whether they are intact."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from hpcsweep.cli.options import echo, json_option, note

data_option = click.option(
    "--data",
    "folder",
    metavar="DIR",
    help="The data folder  [default: the profile's, or $HPCSWEEP_DATA, or data/]",
)
profile_option = click.option("--profile", metavar="NAME", help="Take the data folder of this profile.")


@click.group("data", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Data sets: list them, fetch the published ones, check what is in the data folder.

    Fetch on a machine with a network, such as a login node, before submitting: workers only read.
    """


@command.command("list")
@data_option
@profile_option
@json_option
def list_(folder: str | None, profile: str | None, as_json: bool) -> None:
    """List all data sets and whether they are there."""
    from hpcsweep.data.folder import data_folder
    from hpcsweep.data.sets import list_data

    named = _given(folder, profile)
    listed = list_data(named)
    where = data_folder(named)
    if as_json:
        json.dump({"folder": str(where), "data": [asdict(one) for one in listed]}, sys.stdout)
        echo()
        return
    note(f"data folder: {where}")
    names, texts = max(len(one.name) for one in listed), max(len(one.what) for one in listed)
    for one in listed:
        echo(f"{one.name:<{names}}  {one.what:<{texts}}  {one.state}")


@command.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@data_option
@profile_option
def fetch(names: tuple[str, ...], folder: str | None, profile: str | None) -> None:
    """Fetch the published data sets NAME..., checksummed.

    Files that are there and intact are left alone. A broken download continues where it stopped when you give the
    command again.
    """
    from hpcsweep.data.sets import fetch_data

    for path in fetch_data(*names, folder=_given(folder, profile), say=note):
        echo(path)


@command.command()
@click.argument("names", metavar="[NAME...]", nargs=-1)
@data_option
@profile_option
@json_option
def check(names: tuple[str, ...], folder: str | None, profile: str | None, as_json: bool) -> int:
    """Check NAME..., or all that is there: headers, sizes, counts, labels, and the content, however it is packed.

    Exit code 2 if something is wrong, 3 if there is nothing to check.
    """
    from hpcsweep.data.folder import data_folder
    from hpcsweep.data.sets import check_data

    named = _given(folder, profile)
    verdicts = check_data(*names, folder=named)
    if as_json:
        problems = {name: verdict.problems for name, verdict in verdicts.items()}
        not_compared = [name for name, verdict in verdicts.items() if not (verdict.problems or verdict.compared)]
        json.dump({"folder": str(data_folder(named)), "problems": problems, "not_compared": not_compared}, sys.stdout)
        echo()
    else:
        for name, verdict in verdicts.items():
            well = "well" if verdict.compared else "readable, but no checksum of its unpacked content is published"
            echo("\n".join(verdict.problems) or f"{name}: {well}")
    return 2 if any(verdict.problems for verdict in verdicts.values()) else 0


def _given(option: str | None, profile: str | None) -> str | None:
    """Return the data folder that was named: the option wins over the profile."""
    from hpcsweep.sweep.profile import load_profile

    return option or (load_profile(Path.cwd(), profile).data if profile else None)
