"""`hpcsweep try SWEEP`: one run, two epochs, killed and continued, before anything is trained for good."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hpcsweep.cli.options import echo, json_option, note, sweep_argument


@click.command("try")
@sweep_argument
@click.option("--run", "run", metavar="ID", default="", help="The run whose id begins so  [default: the first]")
@click.option("--where", metavar="CONDITION", help="The first run such as \"optimizer == 'adam'\".")
@json_option
def command(sweep_path: Path, run: str, where: str | None, as_json: bool) -> int:
    """Try one run of SWEEP for two epochs: is it the same, to the bit, if it is killed and goes on?

    Measures time and memory, and says what would be recorded. Everything happens in a temporary store, on this machine.
    Exit code 1 if the run fails or its numbers differ.
    """
    from hpcsweep.files import plain
    from hpcsweep.launch.try_sweep import try_sweep

    trial = try_sweep(sweep_path, run=run, where=where, say=note)
    if as_json:
        echo(json.dumps(plain(trial.to_json()), indent=1))
    else:
        for line in trial.in_words():
            echo(line)
    return 0 if trial.ok else 1
