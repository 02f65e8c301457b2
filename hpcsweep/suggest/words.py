"""What people are told of the rounds of a search: how many points there are, and what the search can cost."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsweep.suggest.rounds import Decider
from hpcsweep.sweep.search import Search


def in_words(search: Search, decider: Decider) -> Iterator[str]:
    """Yield a line on the points of all rounds, and one on the training that they take at most."""
    beside = decider.rounds()
    points, most = sum(one.points for one in beside), search.trials * len(beside)
    asked = [one for rounds in beside for one in decider.in_store(rounds)]
    ended = sum(rung is not None for one in asked for rung in one.ended())
    stopped = sum(rung is not None and rung < one.last for one in asked for rung in one.ended())
    early = f", {stopped:,} early" if stopped else ""
    apart = f", {search.trials:,} beside each of {len(beside)} other settings" if len(beside) > 1 else ""
    yield (
        f"suggest by {search.metric} ({search.sampler}): {points:,} of {most:,} points in "
        f"{_rounds(sum(len(one.decided) for one in beside))}, {ended:,} of them ended{early}{apart}"
    )
    if any(one.key for one in beside):
        trajectories = sum(one.to_come for one in beside)
        epochs = sum(one.to_come * max(one.other.epochs, default=0) for one in beside)
        length = f", {epochs:,} epochs" if epochs else ""
        rounds = _rounds(sum(-(-one.left // search.per_round) for one in beside))
        yield f"suggest: at most {trajectories:,} more trajectories{length}, in {rounds} still to come"
    elif points < most:
        yield f"suggest: it ended after {points:,} points, since nothing else was suggested than what was tried"


def _rounds(count: int) -> str:
    return f"{count:,} round{'' if count == 1 else 's'}"
