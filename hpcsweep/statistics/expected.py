"""What a sweep was expected to give beside what it gave: each [[expected]] of its file, with the seeds' spread.

A published number holds where the mean of the seeds lies within its tolerance. It does not hold where the 95 % interval
of the mean lies outside. Where the interval is wider than the tolerance, or reaches into it, the seeds cannot tell.
That a setting is better than another is judged seed by seed, in the same way as everywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from hpcsweep.errors import UsageError
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.values import Value, direction_of, finished, value_of
from hpcsweep.statistics.paired import Paired, paired_t_test, step_between
from hpcsweep.sweep.expected import Expectation, Setting


class Verdict(StrEnum):
    """What the runs say of an expectation."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "not told"
    UNFINISHED = "no run is finished"


@dataclass(frozen=True)
class Comparison:
    """One expectation, or one step of an expected order.

    `setting` names the runs, `original` what was said of their `value`: a number, or the setting `against` which they
    were said to be better. `numbers` are those of the finished runs, by seed. `difference` is the mean of the runs less
    `original` or `against`, with its 95 % interval; NaN where there is none. `against` is what differs from `setting`.
    """

    value: str
    setting: str
    original: float | None
    tolerance: float | None
    against: str | None
    numbers: Mapping[int, float]
    difference: Paired
    verdict: Verdict
    source: str

    def record(self) -> dict[str, Any]:
        """Return it as plain values, None where there is none, to be written as JSON."""
        found = {
            name: getattr(self, name) for name in ("value", "setting", "original", "tolerance", "against", "source")
        }
        numbers = list(self.numbers.values())
        found |= {"mean": math.fsum(numbers) / len(numbers) if numbers else None, "n": len(numbers)}
        test = self.difference
        ends = {"difference": test.difference, "low": test.low, "high": test.high}
        found |= {name: number if math.isfinite(number) else None for name, number in ends.items()}
        return {**found, "verdict": str(self.verdict)}


def compare_expected(results: Results) -> list[Comparison]:
    """Return how each expectation of the sweep file came out; UsageError, one line, if one is of no value there is."""
    return [one for number, asked in enumerate(results.expected, 1) for one in _compared(results, asked, number)]


def any_fails(comparisons: Sequence[Comparison]) -> bool:
    """Tell whether the runs contradict an expectation."""
    return any(one.verdict == Verdict.FAILS for one in comparisons)


def _compared(results: Results, asked: Expectation, number: int) -> Iterator[Comparison]:
    try:
        shown = value_of(results, asked.value)
    except UsageError as error:
        raise UsageError(f"expected #{number}: {error}") from None
    found = [_by_seed(results, shown, setting) for setting in asked.settings]
    labels = [_label(setting.given) for setting in asked.settings]
    if asked.number is not None:
        test = _against(found[0], dict.fromkeys(found[0], asked.number))
        verdict = _near(test, asked.tolerance) if asked.tolerance is not None else _better(results, shown, test)
        yield _comparison(asked, labels[0], None, found[0], test, verdict)
    for (label, this, numbers), (_, that, others) in pairwise(zip(labels, asked.settings, found, strict=True)):
        test = _against(numbers, others)
        differing = {name: value for name, value in that.given.items() if this.given.get(name) != value}
        yield _comparison(asked, label, _label(differing), numbers, test, _better(results, shown, test))


def _comparison(
    asked: Expectation, label: str, other: str | None, numbers: Mapping[int, float], test: Paired, verdict: Verdict
) -> Comparison:
    return Comparison(asked.value, label, asked.number, asked.tolerance, other, numbers, test, verdict, asked.source)


def _by_seed(results: Results, shown: Value, setting: Setting) -> dict[int, float]:
    meant = finished(results, shown) & results.column("id").isin(setting.runs).to_numpy()
    seeds = results.column("seed").to_numpy()[meant]
    return dict(zip(map(int, seeds), map(float, shown.numbers[meant]), strict=True))


def _against(numbers: Mapping[int, float], others: Mapping[int, float]) -> Paired:
    pairs = [(numbers[seed], others[seed]) for seed in numbers if seed in others]
    step = step_between(number for pair in pairs for number in pair)
    return paired_t_test([one - other for one, other in pairs], step / math.sqrt(6))


def _near(test: Paired, tolerance: float) -> Verdict:
    """Judge by the tolerance; what one or two seeds say is taken as it is."""
    if math.isnan(test.difference):
        return Verdict.UNFINISHED
    low, high = (test.difference, test.difference) if math.isnan(test.low) else (test.low, test.high)
    if low > tolerance or high < -tolerance:
        return Verdict.FAILS
    return Verdict.HOLDS if abs(test.difference) <= tolerance and high - low <= 2 * tolerance else Verdict.OPEN


def _better(results: Results, shown: Value, test: Paired) -> Verdict:
    if math.isnan(test.difference):
        return Verdict.UNFINISHED
    way = shown.better or direction_of(results, shown.name)
    low, high = (test.low, test.high) if way == "max" else (-test.high, -test.low)
    return Verdict.HOLDS if low > 0 else Verdict.FAILS if high < 0 else Verdict.OPEN


def _label(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {key_text(value)}" for name, value in given.items()) or "the base"
