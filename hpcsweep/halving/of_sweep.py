"""What [halving] has decided of a sweep, for those who plan and read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.standing import Standing
from hpcsweep.halving.words import in_words
from hpcsweep.store import Store
from hpcsweep.store.states import RunState
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import group_trajectories


def look_at(sweep: Sweep, store: Store) -> Standing | None:
    """Return what is decided of a sweep in a store, None if it has no [halving]. Nothing is decided here."""
    ladder = ladder_of_sweep(sweep, store)
    return None if ladder is None else ladder.look()


def ladder_of_sweep(sweep: Sweep, store: Store) -> Ladder | None:
    """Return the rungs of a sweep, None if it has no [halving]."""
    return None if sweep.ranking is None else Ladder(store, Rules.of(sweep.ranking), group_trajectories(sweep.runs))


def told_of(sweep: Sweep, store: Store) -> list[str]:
    """Return what people are told of the rungs of a sweep, in lines; none if it has no [halving]."""
    ladder = ladder_of_sweep(sweep, store)
    return [] if ladder is None else list(in_words(ladder))


def states_of(sweep: Sweep, store: Store, *, outcomes: bool = False) -> dict[str, str]:
    """Return what `Store.states` says of the runs of a sweep, and which of those without a result will have none."""
    return with_stopped(store.states(sweep.runs, outcomes=outcomes), stopped_of(sweep, store))


def with_stopped(states: Mapping[str, str], stopped: Collection[str]) -> dict[str, str]:
    """Return states of runs in which those that nobody will train are stopped, also where there is a checkpoint."""
    left = {run_id for run_id in stopped if states.get(run_id) in (None, RunState.NEW, RunState.RESUMABLE)}
    return {**states, **dict.fromkeys(left, RunState.STOPPED)}


def stopped_of(sweep: Sweep, store: Store) -> set[str]:
    """Return the ids of the runs that nobody will train, as their settings did not go on."""
    standing = look_at(sweep, store)
    return standing.stopped_runs(group_trajectories(sweep.runs)) if standing else set()
