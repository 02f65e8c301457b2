"""What the verbs share: their common arguments, and how they open a sweep, a store and a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hpcsweep.launch.plan import Plan
    from hpcsweep.store import Store
    from hpcsweep.sweep.load import Sweep
    from hpcsweep.sweep.profile import Profile

sweep_argument = click.argument("sweep_path", metavar="SWEEP", type=click.Path(path_type=Path))
store_option = click.option(
    "--store",
    metavar="DIR",
    help="The store of results  [default: $HPCSWEEP_STORE, else the profile's, else results/ of the study]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
max_runs_option = click.option(
    "--max-runs", type=int, default=1_000_000, show_default=True, help="Refuse a sweep of more runs."
)


def note(message: str) -> None:
    """Tell the user something that is not data."""
    click.echo(message, err=True)


def load(sweep_path: Path, max_runs: int = 1_000_000, profile: str | None = None) -> Sweep:
    """Read a sweep file, and say its warnings on stderr; `profile`: the name of another than the sweep's."""
    from hpcsweep.sweep.load import load_sweep

    sweep = load_sweep(sweep_path, profile=profile, max_runs=max_runs)
    for line in sweep.notes:
        note(f"{sweep_path}: {line}")
    return sweep


def open_store(option: str | None, root: Path) -> Store:
    """Open the store that the option, the environment or the study names; it need not exist."""
    from hpcsweep.store import Store, locate_store

    return Store(locate_store(option, root))


def store_of(sweep: Sweep, option: str | None, profile: Profile | None = None) -> Store:
    """Open the store of a sweep's results, which its profile (or `profile` instead) may name; it need not exist."""
    from hpcsweep.store import Store, locate_store

    profile = profile or sweep.profile
    return Store(locate_store(option, sweep.root, profile.store), lease_s=profile.lease_s)


def make_plan_of(sweep: Sweep, store: Store) -> Plan:
    """Plan a sweep against what its store holds."""
    from hpcsweep.launch.plan import make_plan
    from hpcsweep.launch.submission import previous_run_ids

    return make_plan(sweep, store.states(sweep.runs), previous_run_ids(store, sweep.name))


def plan_line(plan: Plan) -> str:
    """Return a plan in one line."""
    counts = ", ".join(f"{count} {state}" for state, count in plan.counts.items() if count)
    runs, trajectories = len(plan.sweep.runs), len(plan.trajectories)
    return f"{plan.sweep.name}: {runs} runs on {trajectories} trajectories: {counts}"


def short_params(params: dict[str, Any]) -> str:
    """Return parameters as `layers=2 neurons=8`."""
    return " ".join(f"{name}={value}" for name, value in params.items())
