"""What people are told of the rungs of a sweep: who goes how far, what that costs, and what an audit has found."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsweep.halving.audit import judged
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
    if others := _trained_by_others(ladder, standing):
        yield (
            f"halving: {others} of the settings that do not go on were trained further by another sweep of this store, "
            "and are shown at the epochs that they reached"
        )
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


def _trained_by_others(ladder: Ladder, standing: Standing) -> int:
    """Return how many settings have ended a rung beyond the one from which they did not go on."""
    left = [one for one in standing.stopped if one not in standing.audited]
    return sum(bool(ladder.readings.ended(standing.highest[one] + 1, [one])) for one in left)


def _most_seeds(ladder: Ladder) -> list[str]:
    return sorted(ladder.settings, key=lambda one: len(ladder.settings[one]), reverse=True)


def _audit(ladder: Ladder, standing: Standing) -> Iterator[str]:
    """Yield what the audited settings came to, once they have ended."""
    last = ladder.rules.last
    final = [one for one in ladder.settings if standing.highest[one] == last and one not in standing.audited]
    compared = [*final, *standing.audited]
    if not standing.audited or len(ladder.readings.ended(last, compared)) < len(compared):
        return
    found = judged(
        ladder.rules, ladder.readings.measured(last, compared), final, standing.audited, len(standing.stopped)
    )
    low, high = found.interval()
    yield (
        f"audit: of {found.audited} stopped settings, trained to the end all the same, {found.than_worst} end better "
        f"than the worst of the last {len(final)}, {found.than_best} than the best; of all {found.stopped} that were "
        f"stopped, about {found.estimate:.0f} would end better than the worst ({low} to {high} with 95 % confidence)"
    )
