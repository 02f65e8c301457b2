"""What [halving] has decided of a sweep, for those who plan and read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hpcsweep.halving.expected import expected_epochs, most_epochs
from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.words import in_words
from hpcsweep.store import Store
from hpcsweep.store.states import RunState
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import group_trajectories


def ladder_of_sweep(sweep: Sweep, store: Store) -> Ladder | None:
    """Return the rungs of a sweep, None if it has no [halving], or if each round of [suggest] has rungs of its own."""
    return (
        None
        if sweep.ranking is None or sweep.search
        else Ladder(store, Rules.of(sweep.ranking), group_trajectories(sweep.runs))
    )


@dataclass(frozen=True)
class Halved:
    """What is decided of a sweep: the ids of the runs that nobody will train, and lines for people."""

    stopped: Collection[str] = ()
    lines: Sequence[str] = ()


def halved(sweep: Sweep, store: Store) -> Halved:
    """Return what [halving] has decided of a sweep, empty if it has none. Nothing is decided here."""
    ladder = ladder_of_sweep(sweep, store)
    if ladder is None:
        return Halved()
    standing = ladder.look()
    trajectories = [one for several in ladder.settings.values() for one in several]
    return Halved(standing.stopped_runs(trajectories), tuple(in_words(ladder, standing)))


def goals_on(ladder: Ladder, costs: Mapping[str, float]) -> dict[str, tuple[float, int]]:
    """Return how far each setting is trained: on average, and if those of the highest `costs` go on."""
    standing = ladder.look()
    likely = expected_epochs(ladder, standing)
    most = most_epochs(ladder, standing, sorted(ladder.settings, key=costs.__getitem__, reverse=True))
    return {setting: (likely[setting], most[setting]) for setting in ladder.settings}


def with_stopped(states: Mapping[str, str], stopped: Collection[str]) -> dict[str, str]:
    """Return states of runs in which those that nobody will train are stopped, also where there is a checkpoint."""
    left = {run_id for run_id in stopped if states.get(run_id) in (None, RunState.NEW, RunState.RESUMABLE)}
    return {**states, **dict.fromkeys(left, RunState.STOPPED)}
