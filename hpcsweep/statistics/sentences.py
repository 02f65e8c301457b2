"""What the statistics say, in sentences that a student understands, with n and with what was assumed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from hpcsweep.errors import HpcsweepError
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_text
from hpcsweep.statistics.best import best
from hpcsweep.statistics.best_set import LEVEL
from hpcsweep.statistics.compare import SIGNIFICANT, compare_all
from hpcsweep.statistics.effects import effects
from hpcsweep.statistics.paired import MIN_SEEDS
from hpcsweep.store.states import COUNTED

MAX_PAIRS = 15  # of six values; with more, a sentence for every pair says little


def sentences(results: Results, value: str | None = None) -> Iterator[str]:
    """Yield which setting is best, what can be said about the parameters, the strongest first, and what cannot."""
    yield from best_in_words(results, value)
    seeds = results.column("seed")[results.in_state(*COUNTED)].nunique()
    if seeds < MIN_SEEDS:
        yield (
            f"All finished runs have {seeds} seed{'' if seeds == 1 else 's'}: nothing can be said about differences, "
            f"since {'one seed' if seeds == 1 else 'so few'} cannot tell an effect from luck. Add repeats = 5 or more "
            "to the sweep."
        )
        return
    order = [name for name in dict.fromkeys(effects(results, value)["parameter"]) if name in results.varying()]
    if not order:
        return
    compared = compare_all(results, order, value, share=1 - LEVEL / SIGNIFICANT)
    for _, frame in compared.groupby("parameter", sort=False):
        if len(frame) <= MAX_PAIRS:
            yield from (sentence(row) for row in frame.to_dict(orient="records"))
        else:
            yield _strongest(frame)
    tests = int(compared["p"].notna().sum())
    yield (
        "Assumed: runs of the same seed and otherwise equal parameters are pairs, averaged to one difference per seed, "
        "and these are independent and roughly normal (paired t test, 95 % intervals, Holm's correction over all "
        f"{tests} comparisons and the choice of the best). With {seeds} seeds only large effects can be shown."
    )


def best_in_words(results: Results, value: str | None = None) -> Iterator[str]:
    """Yield what `best` says; or why it cannot say anything, in a line."""
    try:
        yield from best(results, value).in_words()
    except HpcsweepError as error:
        yield f"Which setting is best cannot be said: {error}."


def sentence(row: dict[Any, Any]) -> str:
    """Return one row of `compare` in words."""
    first, second = (f"{row['parameter']} {key_text(row[side])}" for side in ("first", "second"))
    if math.isnan(row["p"]):
        return f"{second} against {first}: {row['verdict']}."
    evidence = (
        f"95 % interval {row['ci_low']:+.3g} to {row['ci_high']:+.3g}, p = {row['p_holm']:.2g} after correction, "
        f"n = {row['n_seeds']} seeds, {row['n_pairs']} pairs"
    )
    amount = f"{row['metric']} by {row['difference']:+.3g} on average"
    if row["verdict"] == "different":
        return f"{second} instead of {first} changes {amount} ({evidence})."
    return f"{second} instead of {first} is not shown to change {row['metric']}: {row['difference']:+.3g} ({evidence})."


def _strongest(frame: pd.DataFrame) -> str:
    tested = frame[frame["p"].notna()]
    if not len(tested):
        return f"{frame['parameter'].iloc[0]}: {frame['verdict'].iloc[0]}."
    row = tested.to_dict(orient="records")[int(tested["difference"].abs().to_numpy().argmax())]
    different = int((tested["verdict"] == "different").sum())
    return f"{sentence(row)} That is the largest of {len(tested)} comparisons, {different} of which show a difference."
