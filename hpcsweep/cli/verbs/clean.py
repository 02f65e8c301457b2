"""`hpcsweep clean`: remove from the store what can be made again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.common import note, open_store, store_option

if TYPE_CHECKING:
    from hpcsweep.store import Store


@click.command("clean")
@store_option
@click.option("--checkpoints", is_flag=True, help="Also of trainings that are done; longer ones then begin anew.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(store: str | None, checkpoints: bool, dry_run: bool, yes: bool) -> None:
    """Remove caches, halves of files and what ended submissions left behind; never a result, a log or a failure.

    Says first what it would remove.
    """
    from hpcsweep.store.leftovers import find_leftovers

    opened = open_store(store, Path.cwd())
    found = list(find_leftovers(opened, _at_work(opened), checkpoints=checkpoints))
    if not found:
        note(f"{opened.root}: nothing to remove")
        return
    files, size, kinds = 0, 0, Counter(one.why for one in found)
    for one in found:
        more_files, more_size = one.size()
        files, size = files + more_files, size + more_size
    for why, count in kinds.items():
        click.echo(f"{count} x {why}, such as {next(one.path for one in found if one.why == why)}")
    click.echo(f"together {files} files, {size / 1e6:.1f} MB")
    if dry_run or not (yes or click.confirm("remove them?", err=True)):
        return
    for one in found:
        one.remove()
    note("removed")


def _at_work(store: Store) -> list[Path]:
    """Return the submissions that may still have workers; when SLURM does not answer, all that were not seen to end."""
    from hpcsweep.slurm.watching.view import submissions_at_work
    from hpcsweep.store.task_files import SlurmFiles

    names = store.layout.sweep_names()
    at_work = submissions_at_work(store, names)
    alive = any(store.is_claimed(trajectory_id) for trajectory_id in store.layout.trajectory_ids())
    if alive:  # workers of this machine are in no queue
        newest = [found[-1] for name in names if (found := store.layout.submissions(name))]
        at_work += [submission.path for submission in newest if not SlurmFiles(submission).is_slurm]
    return at_work
