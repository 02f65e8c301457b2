"""`hpcsweep doctor`: can this cluster, or this machine, run us?"""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from hpcsweep.cli.options import json_option, store_option
from hpcsweep.slurm.asking.probe import Level

MARKS = {Level.OK: ("ok", "green"), Level.WARNING: ("warning", "yellow"), Level.FAULT: ("FAULT", "red")}


@click.command("doctor")
@store_option
@click.option("--profile", default="local", show_default=True, help="A profile of jobs/profiles/.")
@click.option("--probe", is_flag=True, help="Also look at a node, with a one-minute job.")
@json_option
def command(store: str | None, profile: str, probe: bool, as_json: bool) -> int:
    """Check SLURM, partition and limits, the store's file system, Python, Keras, its backends and GPUs: one line each.

    Exit code 2 if something would keep a sweep from running.
    """
    from hpcsweep.launch.study import doctor

    found = doctor(profile, store=store, probe=probe)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found.findings]))
    else:
        for finding in found.findings:
            word, colour = MARKS[Level(finding.level)]
            advice = f"; {finding.advice}" if finding.advice else ""
            click.echo(f"{click.style(f'{word:<8}', fg=colour)} {finding.what}{advice}")
    return 0 if found.ok else 2
