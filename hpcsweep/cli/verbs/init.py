"""`hpcsweep init [DIR]`: a new study with one working example."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsweep.cli.options import note


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Make DIR, by default this folder, a study: jobs/, sweeps/ and analysis/, each with a working example.

    Nothing that exists is overwritten.
    """
    from hpcsweep.errors import shell, to_type
    from hpcsweep.launch.study import init
    from hpcsweep.slurm.scheduler import SLURM

    for path in init(folder):
        note(f"wrote {path}")
    where = "" if folder == Path() else f"{shell('cd', folder)} && "
    note(f"now type: {where}{to_type('run', 'sweeps/quickstart.toml')}")
    if SLURM.is_here():
        sweep = to_type("submit", "--profile", "cluster", "sweeps/quickstart.toml")
        note(f"SLURM is on this machine; to train on the cluster: {where}{to_type('profile', 'new')} && {sweep}")
