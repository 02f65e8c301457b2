"""What decisions that are still open will come to: how far settings are trained on average, and at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.standing import Standing
from hpcsweep.machine import zip_equal


def come(ladder: Ladder, standing: Standing) -> list[int]:
    """Return how many settings come to each rung: as decided, and where it is not, as many as the rules let go on.

    As ready, more may come: a setting that has gone on does not come back when better ones end.
    """
    counts = [len(ladder.settings)]
    for rung in range(1, len(ladder.rules.epochs)):
        there = sum(standing.reached(one) >= rung for one in ladder.settings)
        counts.append(there if standing.over else max(there, ladder.rules.go_on(rung - 1, counts[-1])))
    return counts


def audits(ladder: Ladder, standing: Standing) -> int:
    """Return how many stopped settings are trained to the end, or will be."""
    if standing.over:
        return len(standing.audited)
    return min(ladder.rules.audit, len(ladder.settings) - come(ladder, standing)[-1])


def expected_epochs(ladder: Ladder, standing: Standing) -> dict[str, float]:
    """Return the epochs to which each setting is trained, on average over what is open: all have the same chance."""
    epochs = ladder.rules.epochs
    if standing.over:
        return {one: float(epochs[rung]) for one, rung in standing.highest.items()}
    counts = come(ladder, standing)
    chances = dict.fromkeys(ladder.settings, 1.0)
    found = dict.fromkeys(ladder.settings, float(epochs[0]))
    audited = audits(ladder, standing) / max(len(ladder.settings) - counts[-1], 1)
    for rung in range(1, len(epochs)):
        before, chances = chances, _chances(ladder, standing, rung, chances, counts[rung])
        for one in ladder.settings:
            found[one] += chances[one] * (epochs[rung] - epochs[rung - 1])
            found[one] += (before[one] - chances[one]) * audited * (epochs[-1] - epochs[rung - 1])
    return found


def _chances(
    ladder: Ladder, standing: Standing, rung: int, before: Mapping[str, float], count: int
) -> dict[str, float]:
    """Return with what chance each setting comes to a rung, from that with which it came to the one before it."""
    sure = {one for one in ladder.settings if standing.reached(one) >= rung}
    maybe = {one: before[one] for one in ladder.settings if one not in sure and one not in standing.stopped}
    share = (count - len(sure)) / (sum(maybe.values()) or 1.0)
    return {one: 1.0 if one in sure else min(maybe.get(one, 0.0) * share, 1.0) for one in ladder.settings}


def most_epochs(ladder: Ladder, standing: Standing, dearest_first: Iterable[str]) -> dict[str, int]:
    """Return the epochs to which each setting is trained if the dearest ones go on; as ready, all may go on."""
    epochs = ladder.rules.epochs
    if standing.over:
        return {one: epochs[rung] for one, rung in standing.highest.items()}
    counts, audited = [*come(ladder, standing), 0], audits(ladder, standing)
    ends = Counter({end: here - on for end, here, on in zip_equal(epochs, counts[:-1], counts[1:])})
    ends[epochs[-1]] += audited
    for end in epochs[:-1]:  # whoever is audited has stopped, at worst at the first rung
        fewer = min(ends[end], audited)
        ends[end], audited = ends[end] - fewer, audited - fewer
    found = {one: epochs[rung] for one, rung in standing.stopped.items()}
    left = iter(sorted((ends - Counter(found.values())).elements(), reverse=True))
    as_ready = ladder.rules.order == "as ready"
    for one in (one for one in dearest_first if one not in found):
        found[one] = epochs[-1] if as_ready else max(next(left, epochs[0]), epochs[standing.highest[one]])
    return found
