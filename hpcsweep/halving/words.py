"""What people are told of the rungs of a sweep: who goes how far, what that costs, and what an audit has found."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsweep.halving.expected import come, expected_epochs, most_epochs
from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.standing import Standing
from hpcsweep.machine import zip_equal


def in_words(ladder: Ladder, standing: Standing) -> Iterator[str]:
    """Yield a line for each: the rungs, the epochs of training against the full grid, and the audit."""
    rules, parts = ladder.rules, []
    for rung, (count, epochs) in enumerate(zip_equal(come(ladder, standing), rules.epochs)):
        ended = len(ladder.readings.ended(rung, [one for one in ladder.settings if standing.reached(one) >= rung]))
        so_far = f" ({ended} ended)" if 0 < ended < count else ""
        parts.append(f"{count}{'' if rung else ' settings'} to epoch {epochs}{so_far}")
    order = "in rounds" if rules.order == "rounds" else "as they are ready"
    yield f"halving by {rules.metric}, {order}: {', '.join(parts)}"
    yield _spent(ladder, standing)
    yield from _audit(ladder, standing)


def _spent(ladder: Ladder, standing: Standing) -> str:
    """Return how much is trained of what the full grid takes, in epochs: at most in rounds, on average as ready."""
    last = ladder.rules.epochs[-1]
    as_ready = ladder.rules.order == "as ready" and not standing.over
    to_train = expected_epochs(ladder, standing) if as_ready else most_epochs(ladder, standing, _most_seeds(ladder))
    trained = sum(to_train[one] * len(seeds) for one, seeds in ladder.settings.items())
    full = sum(map(len, ladder.settings.values())) * last
    about = "" if standing.over else "about " if as_ready else "at most "
    return f"halving: {about}{trained:,.0f} of the {full:,} epochs of the full grid ({full / trained:.1f} times less)"


def _most_seeds(ladder: Ladder) -> list[str]:
    return sorted(ladder.settings, key=lambda one: len(ladder.settings[one]), reverse=True)


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
