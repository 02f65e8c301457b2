"""What people are told of the rungs of a sweep: who goes how far, what that costs, and what an audit has found."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.standing import Standing
from hpcsweep.machine import zip_equal


def in_words(ladder: Ladder, standing: Standing) -> Iterator[str]:
    """Yield a line for each: the rungs, the epochs of training against the full grid, and the audit."""
    rules = ladder.rules
    come, parts = _come(ladder, standing), []
    for rung, (count, epochs) in enumerate(zip_equal(come, rules.epochs)):
        ended = len(ladder.readings.ended(rung, [one for one in ladder.settings if standing.reached(one) >= rung]))
        so_far = f" ({ended} ended)" if 0 < ended < count else ""
        parts.append(f"{count}{'' if rung else ' settings'} to epoch {epochs}{so_far}")
    order = "in rounds" if rules.order == "rounds" else "as they are ready"
    yield f"halving by {rules.metric}, {order}: {', '.join(parts)}"
    yield _spent(ladder, standing, come)
    yield from _audit(ladder, standing)


def _come(ladder: Ladder, standing: Standing) -> list[int]:
    """Return how many settings come to each rung: as decided, and where it is not, as many as the rules let go on."""
    come = [len(ladder.settings)]
    for rung in range(1, len(ladder.rules.epochs)):
        there = sum(standing.reached(one) >= rung for one in ladder.settings)
        come.append(there if standing.over else max(there, ladder.rules.go_on(rung - 1, come[-1])))
    return come


def _spent(ladder: Ladder, standing: Standing, come: list[int]) -> str:
    """Return how much is trained at most of what the full grid takes, in epochs; audited settings from the start."""
    epochs, rules = ladder.rules.epochs, ladder.rules
    trained_apart = sum(map(len, ladder.settings.values()))
    per_setting = trained_apart / len(ladder.settings)
    steps = zip(come, epochs, (0, *epochs))
    trained = sum(count * (end - begin) for count, end, begin in steps) * per_setting
    if standing.audited:
        trained += per_setting * sum(epochs[-1] - epochs[standing.stopped[one]] for one in standing.audited)
    else:
        trained += per_setting * min(rules.audit, len(ladder.settings) - come[-1]) * (epochs[-1] - epochs[0])
    full = trained_apart * epochs[-1]
    most = "" if standing.over else "at most "
    return f"halving: {most}{trained:,.0f} of the {full:,} epochs of the full grid ({full / trained:.1f} times less)"


def _audit(ladder: Ladder, standing: Standing) -> Iterator[str]:
    """Yield how many of the audited settings would be among the last ones."""
    last = ladder.rules.last
    final = [one for one in ladder.settings if standing.highest[one] == last and one not in standing.audited]
    compared = [*final, *standing.audited]
    if not standing.audited or len(ladder.readings.ended(last, compared)) < len(compared):
        return
    values = ladder.readings.measured(last, compared)
    missed = len(set(ladder.rules.ranked(values)[: len(final)]) & standing.audited)
    audited, stopped = len(standing.audited), len(standing.stopped)
    yield (
        f"audit: {missed} of {audited} stopped settings, trained to the end all the same, would be among the last "
        f"{len(final)}; of all {stopped} that were stopped, that makes about {missed / audited * stopped:.0f}"
    )
