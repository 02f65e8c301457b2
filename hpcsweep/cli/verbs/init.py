"""`hpcsweep init [DIR]`: a new study with one working example."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

import hpcsweep
from hpcsweep.cli.common import note
from hpcsweep.errors import MissingPackageError, UsageError

SHIPPED = (
    "jobs/dense_classifier.py",
    "jobs/function_example.py",
    "sweeps/quickstart.toml",
    "sweeps/function_example.toml",
    "analysis/quickstart.py",
)


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make DIR (here, if not given) a study: jobs/, sweeps/ and analysis/ with a working example each.

    Nothing that exists is overwritten.
    """
    source = _shipped_study()
    there = [name for name in SHIPPED if (folder / name).exists()]
    if there:
        raise UsageError(f"{folder / there[0]} exists already; expected a new folder; type: hpcsweep init NEW_DIR")
    for name in SHIPPED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)
        note(f"wrote {folder / name}")
    where = "" if folder == Path() else f"cd {folder} && "
    note(f"now type: {where}hpcsweep run sweeps/quickstart.toml")


def _shipped_study() -> Path:
    """Return the folder with this project's own study: the checkout's, or the installed copy of the same files."""
    for folder in (Path(hpcsweep.__file__).parents[1], Path(sys.prefix) / "share" / "hpcsweep"):
        if all((folder / name).exists() for name in SHIPPED):
            return folder
    raise MissingPackageError(
        "this installation came without its example study; expected share/hpcsweep; install again"
    )
