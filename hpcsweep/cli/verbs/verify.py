"""`hpcsweep verify SWEEP`: proof that the results are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsweep.cli.common import load, note, store_of, store_option, sweep_argument
from hpcsweep.errors import NothingSelectedError
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.store import Result
    from hpcsweep.sweep.load import Sweep


@click.command("verify")
@sweep_argument
@store_option
@click.option(
    "--sample", type=click.IntRange(min=0), default=1, show_default=True, help="Runs to train again, each alone."
)
def command(sweep_path: Path, store: str | None, sample: int) -> int:
    """Check the hashes of all results of SWEEP and that every model was fresh; train a sample again and compare bits.

    Exit code 1 if anything is wrong.
    """
    from hpcsweep.launch.verify import find_accumulated, read_all

    sweep = load(sweep_path)
    opened = store_of(sweep, store)
    states = opened.states(sweep.runs)
    done = [run for run in sweep.runs if states.get(run.id) == "done"]
    if not done:
        raise NothingSelectedError(f"no run of {sweep_path} is done yet; type: hpcsweep run {sweep_path}")
    results, findings = read_all(sweep, opened, done)
    click.echo(f"{len(results)} of {len(done)} results match their hashes")
    accumulated = list(find_accumulated(results))
    click.echo(f"{len(accumulated)} began with weights that another run ended with")
    for finding in [*findings, *accumulated]:
        click.echo(f"  {short_id(finding.run_id)}: {finding.problem}")
    wrong = len(findings) + len(accumulated)
    # Ids are hashes, so their order is a sample without a pattern, and the same one every time.
    for result, differs in _train_again(sweep, sorted(results, key=lambda result: result.id)[:sample]):
        click.echo(f"  {short_id(result.id)} trained again alone: {differs or 'identical to the bit'}")
        wrong += bool(differs)
    return 1 if wrong else 0


def _train_again(sweep: Sweep, chosen: list[Result]) -> Iterator[tuple[Result, str]]:
    from hpcsweep.launch.verify import differences, train_alone

    if chosen:
        note(f"training {len(chosen)} run(s) again, each alone in a new process")
    for result, alone in zip(chosen, train_alone(sweep, chosen), strict=True):
        different = ["that it failed"] if alone is None else differences(result, alone)
        yield result, f"differs in {', '.join(different)}" if different else ""
