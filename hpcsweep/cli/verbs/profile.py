"""`hpcsweep profile new [NAME]`: a profile from what the cluster says of itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from hpcsweep.cli.options import echo, note


@click.group("profile", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Profiles: the settings of a cluster, in jobs/profiles/ of the study."""


@command.command("new")
@click.argument("name", default="cluster")
@click.option("--partition", metavar="NAME", help="SLURM partition.")
@click.option("--gpus", type=click.IntRange(min=0), help="GPUs per worker  [default: 1 if the partition has any]")
@click.option("--account", metavar="NAME", help="SLURM account.")
@click.option("--qos", metavar="NAME", help="SLURM quality of service.")
@click.option("--image", metavar="FILE", help="Container image, or a pattern: the newest is taken.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: take what is likely.")
def new(
    name: str,
    partition: str | None,
    gpus: int | None,
    account: str | None,
    qos: str | None,
    image: str | None,
    yes: bool,
) -> None:
    """Write jobs/profiles/NAME.toml from what the cluster says: partitions, GPUs, limits, account, QOS.

    Asks once for what the cluster has several of, unless standard input is no terminal. Each line says why it is there.
    """
    from hpcsweep.errors import to_type
    from hpcsweep.launch.new_profile import new_profile, take_likely

    choose = take_likely if yes or not sys.stdin.isatty() else _ask
    path = new_profile(name, partition=partition, gpus=gpus, account=account, qos=qos, image=image, choose=choose)
    echo(path.read_text(), nl=False)
    note(f"wrote {path}")
    note(f"now type: {to_type('doctor', '--profile', name)}")


def _ask(question: str, choices: Sequence[str], likely: str) -> str:
    answer: str = click.prompt(question, type=click.Choice(list(choices)), default=likely, err=True)
    return answer
