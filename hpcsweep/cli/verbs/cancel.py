"""`hpcsweep cancel SWEEP|RUN...`: stop workers of a sweep, or single runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.common import load, note, open_store, store_of, store_option
from hpcsweep.errors import SchedulerError
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.store import Store


@click.command("cancel")
@click.argument("targets", metavar="SWEEP|RUN...", nargs=-1, required=True)
@store_option
def command(targets: tuple[str, ...], store: str | None) -> None:
    """Stop the workers of a sweep (a .toml file), or single runs (ids, or their beginnings).

    Workers get their time to write checkpoints. What is done stays; `hpcsweep resume` goes on from the checkpoints.
    """
    for target in targets:
        if target.endswith(".toml"):
            _cancel_sweep(Path(target), store)
        else:
            _cancel_run(target, open_store(store, Path.cwd()))


def _cancel_sweep(sweep_path: Path, store_option: str | None) -> None:
    from hpcsweep.slurm.sending.cancel import cancel_arrays
    from hpcsweep.store.task_files import slurm_submissions

    sweep = load(sweep_path)
    store = store_of(sweep, store_option)
    submissions = [files for files in slurm_submissions(store.layout, sweep.name) if not files.cancelled.exists()]
    arrays = [str(sent.array) for files in submissions for sent in files.arrays()]
    names = [sent.job_name for files in submissions for sent in files.interrupted()]
    for files in submissions:
        files.cancelled.touch()  # first, so that no worker that ends now continues itself
    if not arrays and not names:
        note(f"{sweep.name} has no workers in SLURM's queue")
        return
    if problem := cancel_arrays(arrays, names):
        raise SchedulerError(
            f"no worker continues itself any more, but those in the queue could not be reached ({problem}); "
            f"type the same again later: hpcsweep cancel {sweep_path}"
        )
    click.echo(f"{sweep.name}: cancelled; go on later: hpcsweep resume {sweep_path}")


def _cancel_run(prefix: str, store: Store) -> None:
    trajectory_id, run_id = store.find_run(prefix)
    folder = store.folder(trajectory_id)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.cancelled.touch()
    click.echo(
        f"run {short_id(run_id)}: its worker stops training it at the next heartbeat, with the other lengths of its "
        "training; it goes on when it is submitted again"
    )
