"""`hpcsweep files RUN`: what is kept of a run's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from hpcsweep.cli.options import echo, note, store_option


@click.command("files")
@click.argument("run")
@store_option
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Copy them into this folder.")
def command(run: str, store: str | None, out: Path | None) -> None:
    """List the files that are kept of RUN: an id, or the beginning of one. See [keep] in the sweep file."""
    from hpcsweep.results import files_left_out, kept_files
    from hpcsweep.store.opening import open_store

    opened = open_store(store)
    found, left_out = kept_files(opened, run), files_left_out(opened, run)
    for name, path in found.items():
        if out is not None:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / name)
        echo(out / name if out is not None else path)
    if not found:
        note(f"run {run} has kept no files")
    if left_out:
        sizes = (f"{name} ({size / 1e6:.1f} MB)" if size else name for name, size in sorted(left_out.items()))
        note(f"left out by [keep]: {', '.join(sizes)}")
