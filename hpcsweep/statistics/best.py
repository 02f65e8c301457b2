"""Which setting of a sweep is best, which cannot be told from it, by how much, and what would decide it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import NothingSelectedError, UsageError
from hpcsweep.files import plain
from hpcsweep.metrics import Direction
from hpcsweep.results import ResultsSource
from hpcsweep.results.frames import free_name, parameter_column
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.over_epochs import chosen_on_test, may_be_best, why_not_comparable
from hpcsweep.results.query.select import results_of, settings_of
from hpcsweep.results.query.values import default_value, direction_of, finished, value_of
from hpcsweep.statistics.best_set import LEVEL, MOST_SEEDS, BestSet, best_set, by_seed
from hpcsweep.statistics.paired import MIN_SEEDS
from hpcsweep.statistics.robust import count_far_worse, interquartile_mean, typical_distance
from hpcsweep.store.opening import StoreSource

NAMED = 4  # settings that a sentence lists


@dataclass(frozen=True)
class Best:
    """The best setting by the mean over seeds, and what the seeds say of the others.

    `settings` has one row per setting, the best first: its parameters that vary, `n_seeds`, `mean`, `std`, `median`,
    `iqm` (the interquartile mean), `n_far_worse`, `margin` (by how much the best is better, at least 0 for the best
    mean), `ci_low`, `ci_high` (an interval of the margin; all hold together with 97.5 %), and `is_left`: whether it
    cannot be told from the best. A column is NaN where there are too few seeds. `more_seeds` would tell the best from
    the next, if the margin is what it seems: None for more than 100, 0 if they are told apart or nothing can be said.
    `claims` says whether any setting is told from the best.
    """

    title: str
    metric: str
    better: Direction
    parameters: tuple[str, ...]
    settings: pd.DataFrame
    more_seeds: int | None
    claims: bool
    notes: tuple[str, ...] = ()

    @property
    def setting(self) -> dict[str, Any]:
        """The best setting: its parameters that vary."""
        return {name: self.settings[name].tolist()[0] for name in self.parameters}

    @property
    def left(self) -> pd.DataFrame:
        """The rows of the settings that cannot be told from the best, which is the first of them."""
        return self.settings[self.settings[self._column("is_left")]]

    def answer(self) -> str:
        """Return the answer in one sentence or two."""
        return self._answer(with_names=True)

    def _answer(self, *, with_names: bool) -> str:
        best, *others = self._compared()
        what = self._what(best)
        if not others:
            return f"{what}. It is the only setting that has finished runs with finite numbers."
        rivals = [row for row in others if row[self._column("is_left")]]
        if not rivals:
            return f"{what}. It is better than {_all(len(others))}; {self._margin(others[0], with_names)}."
        seeds = self._seeds([best])
        if not self.claims:
            few = f"nothing is claimed from {seeds} seed{'s' * (seeds != 1)}" if seeds < MIN_SEEDS else ""
            why = few or f"{seeds} seeds do not show that it is better than {_any(len(others))}"
            return f"{what} by the mean; but {why}{'' if few else f': {self._margin(others[0], with_names)}'}."
        more = f" and {len(rivals) - NAMED} more" if len(rivals) > NAMED else ""
        named = "; ".join(self._label(row) for row in rivals[:NAMED])
        names = f" ({named}{more})" if with_names else ""
        return (
            f"{what}. {_these(len(rivals), len(others))} cannot be told from it{names}; "
            f"{self._margin(others[0], with_names)}."
        )

    def verdict(self) -> str:
        """Return what the seeds say of the others, in few words: the answer without the names of settings."""
        rest = (
            self._answer(with_names=False)
            .removeprefix(self._what(self.settings.to_dict(orient="records")[0]))
            .lstrip(". ")
        )
        return rest[:1].upper() + rest[1:]

    def in_words(self) -> Iterator[str]:
        """Yield the answer, what would decide it, how it was found, and what it leaves out, each in a sentence."""
        yield self.answer()
        rows = self._compared()
        seeds = self._seeds(rows)
        if len(rows) > 1 and self.more_seeds is None:
            yield (
                f"Which of the two is better would take more than {MOST_SEEDS} more seeds, as far as {seeds} tell: "
                "take the one that is cheaper."
            )
        elif self.more_seeds:
            yield (
                f"About {self.more_seeds} more seeds would show which of the two is better, in 4 cases of 5, if the "
                f"margin is what {seeds} seeds make it seem."
            )
        if seeds >= MIN_SEEDS and len(rows) > 1:
            yield (
                f"Found by paired t tests over {seeds} seeds, with Bonferroni's correction over {_pairs(len(rows))} of "
                f"settings (all intervals together hold with {100 - 100 * LEVEL:g} %). Assumed: seeds are independent, "
                "and their differences roughly normal."
            )
        yield from self.notes

    def _compared(self) -> list[dict[Any, Any]]:
        """Return the settings that have finished runs, the best first."""
        return self.settings[self.settings[self._column("n_seeds")] > 0].to_dict(orient="records")

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        rows = self.settings.astype(object).where(self.settings.notna(), None).to_dict(orient="records")
        return {
            **{"sweep": self.title, "metric": self.metric, "better": self.better, "best": plain(self.setting)},
            **{"claims": self.claims, "more_seeds": self.more_seeds, "settings": plain(rows)},
            "sentences": list(self.in_words()),
        }

    def _repr_html_(self) -> str:
        from html import escape

        lines = "".join(f"<p>{escape(line)}</p>" for line in self.in_words())
        return f"{lines}{self.settings.to_html(index=False)}"

    def _what(self, row: dict[Any, Any]) -> str:
        return f"Best {self.metric}: {self._label(row)}, {self._mean(row)}"

    def _label(self, row: dict[Any, Any]) -> str:
        return ", ".join(f"{name} {key_text(row[name])}" for name in self.parameters) or "the only setting"

    def _mean(self, row: dict[Any, Any]) -> str:
        n, spread = row[self._column("n_seeds")], row[self._column("std")]
        around = "" if math.isnan(spread) else f" ± {spread:.2g}"
        return f"{row[self._column('mean')]:.4g}{around} ({n} seed{'s' * (n != 1)})"

    def _margin(self, row: dict[Any, Any], with_name: bool) -> str:
        low, high = (row[self._column(name)] for name in ("ci_low", "ci_high"))
        interval = "" if math.isnan(low) else f" (interval {low:.2g} to {high:.2g})"
        name = f", {self._label(row)}," if with_name else ""
        return f"its margin over the next{name} is {row[self._column('margin')]:.2g}{interval}"

    def _seeds(self, rows: Sequence[dict[Any, Any]]) -> int:
        return int(rows[0][self._column("n_seeds")])

    def _column(self, name: str) -> str:
        return free_name(name, self.parameters)


def best(
    source: ResultsSource, value: str | None = None, *, where: str | None = None, store: StoreSource = None
) -> Best:
    """Return which setting of a sweep, a store's folder or results is best by the mean of a value over seeds.

    `value` is a metric or a summary, such as `last_val_loss`; the direction is that of its name, or what [metrics]
    says. Settings are compared by the runs of the same seeds. A setting that equals the truly best one is left out of
    the set at most once in 40 times; nothing is claimed from fewer than 3 seeds.
    Raises UsageError if the direction is not known, or if the value is a maximum over different numbers of epochs;
    NothingSelectedError without a finished run.
    """
    results = results_of(source, where=where, store=store)
    names = results.varying()
    results = replace(results, runs=results.runs[may_be_best(results)].reset_index(drop=True))
    shown = value_of(results, value or default_value(results))
    done = finished(results, shown)
    if not done.any():
        rung = f" of the last rung, at {results.halving.epochs[-1]} epochs," if results.halving else ""
        raise NothingSelectedError(
            f"{results.title}: no finished run{rung} has {shown.name}; type: {results.to_type('run')}"
        )
    better = shown.better or direction_of(results, shown.name)
    if why_not := why_not_comparable(results, shown.name, done):
        raise UsageError(why_not)
    keys, numbers = by_seed(settings_of(results, names), results.column("seed").tolist(), shown.numbers, done)
    found = best_set(numbers, larger=better == "max")
    frame = _frame(names, keys, numbers, found, better)
    too_good = chosen_on_test(results, shown.name)
    notes = (*_notes(names, frame), *([f"WARNING: {too_good}."] if too_good else []))
    return Best(results.title, shown.name, better, names, frame, found.more_seeds, found.claims, notes)


def _frame(names: Sequence[str], keys: Sequence[Any], numbers: Any, found: BestSet, better: Direction) -> pd.DataFrame:
    finite = [tuple(float(number) for number in row if math.isfinite(number)) for row in numbers]
    typical = typical_distance(finite)

    def row(at: int) -> dict[str, Any]:
        known = finite[at]
        margin, half = float(found.margins[at]), float(found.halves[at])
        return {
            "n_seeds": len(known),
            "mean": math.fsum(known) / len(known) if known else math.nan,
            "std": statistics.stdev(known) if len(known) > 1 else math.nan,
            "median": statistics.median(known) if known else math.nan,
            "iqm": interquartile_mean(known),
            "n_far_worse": count_far_worse(known, better, typical),
            "margin": margin,
            "ci_low": margin - half,
            "ci_high": margin + half,
            "is_left": bool(found.is_left[at]),
        }

    rows = [
        {**dict(zip(names, key, strict=True)), **{free_name(name, names): one for name, one in row(at).items()}}
        for at, key in enumerate(keys)
    ]
    frame = pd.DataFrame(rows).assign(**{name: parameter_column([row[name] for row in rows]) for name in names})
    means, counts = (frame[free_name(name, names)].to_numpy() for name in ("mean", "n_seeds"))
    order = np.lexsort((-means if better == "max" else means, counts < MIN_SEEDS))
    return frame.iloc[order].reset_index(drop=True)


def _notes(names: Sequence[str], frame: pd.DataFrame) -> Iterator[str]:
    counts = frame[free_name("n_seeds", names)]
    if none := int((counts == 0).sum()):
        yield f"{none} of {len(frame)} settings have no finished run with a finite number, and are not compared."
    few = int(((counts > 0) & (counts < MIN_SEEDS)).sum())
    if few and counts.max() >= MIN_SEEDS:
        yield f"{few} of {len(frame)} settings have fewer than {MIN_SEEDS} seeds, and cannot be told from the best."
    if total := int(frame[free_name("n_far_worse", names)].sum()):
        yield (
            f"{total} of {int(counts.sum())} runs are far worse than the others of their setting, and spoil its mean."
            " Look at median and iqm (the mean of the middle half) as well."
        )


def _pairs(settings: int) -> str:
    return "the one pair" if settings == 2 else f"all {settings * (settings - 1) // 2} pairs"


def _any(count: int) -> str:
    return "the other" if count == 1 else f"any of the {count} others"


def _these(rivals: int, others: int) -> str:
    return "The other" if others == 1 else f"Of the {others} others, {rivals}"


def _all(count: int) -> str:
    return "the other setting" if count == 1 else f"all {count} other settings"
