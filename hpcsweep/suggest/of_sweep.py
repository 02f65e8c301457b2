"""What [suggest] and [halving] have decided of a sweep, for those who plan, launch and read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from hpcsweep.halving.of_sweep import Halved, goals_on, halved, ladder_of_sweep
from hpcsweep.halving.standing import setting_of
from hpcsweep.store import Store
from hpcsweep.suggest.library import require_library
from hpcsweep.suggest.one_round import RoundInStore
from hpcsweep.suggest.rounds import Decider
from hpcsweep.suggest.words import in_words
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Trajectory, group_trajectories


def decided(sweep: Sweep, store: Store) -> Halved:
    """Return what is decided of a sweep: empty if there is nothing to decide. Nothing is decided here."""
    if sweep.search is None:
        return halved(sweep, store)
    decider = Decider(store, sweep.search, sweep.ranking)
    stopped: set[str] = set()
    for asked in _rounds(decider):
        if asked.ladder:
            stopped |= asked.ladder.look().stopped_runs(asked.trajectories)
    return Halved(stopped, tuple(in_words(sweep.search, decider)))


def goals_of(
    sweep: Sweep, store: Store, cost: Callable[[Trajectory], float]
) -> Callable[[Trajectory], tuple[float, int]] | None:
    """Return what says how far a trajectory is trained: on average, and if the settings of the highest `cost` go on.

    None if the sweep has no [halving].
    """
    if sweep.ranking is None:
        return None
    if sweep.search is None:
        ladders = [ladder_of_sweep(sweep, store)]
    else:
        ladders = [asked.ladder for asked in _rounds(Decider(store, sweep.search, sweep.ranking))]
    costs = defaultdict[str, float](float)
    for trajectory in group_trajectories(sweep.runs):
        costs[setting_of(trajectory)] += cost(trajectory)
    goals = {setting: goal for one in ladders if one for setting, goal in goals_on(one, costs).items()}
    return lambda one: goals[setting_of(one)]


def _rounds(decider: Decider) -> Iterator[RoundInStore]:
    return (asked for rounds in decider.rounds() for asked in decider.in_store(rounds))


def require_to_begin(sweep: Sweep, store: Store, *, anew: bool = False) -> None:
    """Raise MissingPackageError if there are points to ask for, or all of them `anew`, and the library is not there."""
    if sweep.search and (anew or any(one.key for one in sweep.search.rounds(store.decided))):
        require_library()


def begin(sweep: Sweep, store: Store) -> bool:
    """Ask for all points that can be asked for before anything more is trained; return whether there were any."""
    if sweep.search is None:
        return False
    before = sweep.search.rounds(store.decided)
    if not any(one.key for one in before):
        return False
    return Decider(store, sweep.search, sweep.ranking).decide() != before


def foreseen(sweep: Sweep, store: Store) -> Sweep:
    """Return a sweep with the points that would be asked for if it were trained now. Nothing is written.

    Raises MissingPackageError if there are some, and the library is not there.
    """
    require_to_begin(sweep, store)
    ahead = store.foreseeing()
    begin(sweep, ahead)
    return sweep.within(ahead.decided)


class Admitted:
    """The trajectories of a sweep that may be trained, as more and more is decided."""

    def __init__(self, sweep: Sweep, store: Store) -> None:
        self._all_of_it = group_trajectories(sweep.runs, sweep.job.shares_epochs)
        self._ladder = ladder_of_sweep(sweep, store)
        self._decider = Decider(store, sweep.search, sweep.ranking) if sweep.search else None

    def now(self) -> list[Trajectory]:
        """Decide what can be, and return those with the runs that may be trained."""
        if self._decider:
            return self._decider.admitted(decide=True)
        if self._ladder is None:
            return self._all_of_it
        standing = self._ladder.look(decide=True)
        return [one._replace(runs=one.runs[: standing.admitted(one)]) for one in self._all_of_it]
