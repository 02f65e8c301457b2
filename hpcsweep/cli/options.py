"""The options and arguments that verbs share, and how verbs say what is not data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from hpcsweep.files import printable
from hpcsweep.sweep.choices import ContinueBy

sweep_argument = click.argument("sweep_path", metavar="SWEEP", type=click.Path(path_type=Path))
source_argument = click.argument("source", metavar="SWEEP", type=click.Path(path_type=Path))
store_option = click.option(
    "--store",
    metavar="DIR",
    help="The store of results  [default: $HPCSWEEP_STORE, or the profile's, or results/ of the study]",
)
shared_option = click.option(
    "--shared", metavar="GROUP", help="Let a group that you trust read and write the store, whatever the umask."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
max_runs_option = click.option(
    "--max-runs", type=int, default=1_000_000, show_default=True, help="Refuse a sweep with more runs."
)
where_option = click.option("--where", metavar="CONDITION", help="""Only runs such as "optimizer == 'adam'".""")
pool_option = click.option("--pool", metavar="NAMES", help="Parameters whose values are taken together, as if repeats.")
out_option = click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."
)

_REQUEST = (
    click.option("--profile", metavar="NAME", help="A profile in jobs/profiles/, in place of the sweep's."),
    click.option("--time", "time", metavar="TIME", help='Wall time per worker: minutes, "HH:MM:SS" or "D-HH:MM:SS".'),
    click.option("--workers", metavar="N|each", help='How many workers; "each": one per trajectory.'),
    click.option("--gpus", type=click.IntRange(min=0), help="GPUs per worker."),
    click.option("--workers-per-gpu", metavar="N|auto", help='Workers that share a GPU; "auto": as many as fit.'),
    click.option("--cpus", type=click.IntRange(min=1), help="CPU cores per worker."),
    click.option("--mem", metavar="GB", help="Memory per worker, such as 32G."),
    click.option("--partition", metavar="NAME", help="SLURM partition."),
    click.option("--account", metavar="NAME", help="SLURM account."),
    click.option("--qos", metavar="NAME", help="SLURM quality of service."),
    click.option("--constraint", metavar="TEXT", help="Node features."),
    click.option("--exclude", metavar="NODES", help="Nodes not to use, such as node[3-5]."),
    click.option(
        "--continue",
        "continue_by",
        type=click.Choice([way.value for way in ContinueBy]),
        help="How unfinished work continues when a worker's time ends.",
    ),
    click.option("--report", is_flag=True, default=None, help="Each worker that ends writes the sweep's report anew."),
    click.option("--links", type=click.IntRange(min=1), help="Length of a chain  [default: 4]"),
)


def request_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for what a worker asks of SLURM; the function gets them as **wishes."""
    for option in reversed(_REQUEST):
        function = option(function)
    return function


max_gpu_hours_option = click.option(
    "--max-gpu-hours", type=click.FloatRange(min=0), metavar="N", help="Refuse a sweep that may need more GPU-hours."
)
_CHOICE = (
    click.option(
        "--keep-code",
        is_flag=True,
        help="Keep results made by other code, as if today's had made them; this is recorded.",
    ),
    click.option(
        "--keep-data", is_flag=True, help="Keep results made from data that have changed since; this is recorded."
    ),
    click.option(
        "--retrain", is_flag=True, help="Train these again; the old results are put aside, in a store of their own."
    ),
)


def remark_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what `note` and `tag` take."""
    of_setting = "About all runs with the same parameters, whatever their seed, also later ones."
    function = click.option("--remove", is_flag=True, help="Take it back.")(function)
    return click.option("--setting", is_flag=True, help=of_setting)(function)


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for results made by other code or data; the function gets them as keep_code and so on."""
    for option in reversed(_CHOICE):
        function = option(function)
    return function


def echo(text: object = "", *, nl: bool = True, err: bool = False) -> None:
    """Print text that a store or a sweep file may hold; no terminal obeys what is in it."""
    click.echo(printable(str(text)), nl=nl, err=err)


def note(message: str) -> None:
    """Tell the user something that is not data."""
    echo(message, err=True)


def split_names(texts: Sequence[str] | str | None) -> list[str] | None:
    """Split `layers,neurons` at its commas, except for those inside brackets; None if nothing was given."""
    if not texts:
        return None
    parts: list[str] = []
    for text in [texts] if isinstance(texts, str) else texts:
        depth, start = 0, 0
        for at, letter in enumerate(f"{text},"):
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth <= 0:
                parts.append(text[start:at].strip())
                start = at + 1
    return [part for part in parts if part]


def agree_to_removed(removed: Sequence[str]) -> bool:
    """Show which runs were removed from the file since last time, and ask before continuing."""
    from hpcsweep.errors import UsageError
    from hpcsweep.launch.cluster import describe_removed

    for line in describe_removed(removed):
        note(line)
    if not sys.stdin.isatty():
        raise UsageError("runs were removed from the sweep; expected a yes to that; type: --yes")
    if not click.confirm("submit the others?", err=True):
        raise click.Abort
    return True
