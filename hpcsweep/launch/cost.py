"""What training costs, learned from measured runs: the seconds of an epoch as a product of powers of the parameters.

log(seconds) is linear in log(1 + each number), the words, and whether there is a GPU. What runs have not shown is not
known: each effect has a prior, and what follows from all of it (a Bayesian linear regression) says how far the truth
may lie from what is predicted. Far from what was measured, that is far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from hpcsweep.files import canonical_json
from hpcsweep.sweep.choices import EPOCHS

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NOISE = 0.3  # of log(seconds), between runs that are alike: other machines, other load
BENT = 0.4  # beyond what was measured, an exponent changes by this much: a fixed cost hides a growing one
LIKELY = 1.28  # standard deviations on either side: four of five
# of log(seconds): mean and standard deviation of what is not measured
SIZE, BATCH = (0.5, 0.6), (-0.5, 0.5)  # exponents: layers, neurons, examples cost something; larger batches save
WORD, DATA, DEVICE = (0.0, 0.4), (0.0, 1.5), (0.0, 1.2)  # an optimizer matters little, other data or a GPU much


class Span(NamedTuple):
    """Seconds or hours: four of five come to lie between `low` and `high`."""

    low: float
    likely: float
    high: float

    def __add__(self, other: Any) -> Span:
        """Return the sum; both err in the same direction."""
        return Span(*(one + more for one, more in zip(self, other)))  # noqa: B905  # three and three

    def times(self, factor: float) -> Span:
        """Return it `factor` times."""
        return Span(*(one * factor for one in self))


NOTHING = Span(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Measurement:
    """One run that was trained, or is being trained: what it cost, and whether it keeps checkpoints, if that is known.

    `epoch_s` is of a later epoch, or of the whole run if the job takes no epochs; `before_s` is all that comes once.
    """

    params: Mapping[str, Any]
    epoch_s: float
    before_s: float = 0.0
    has_gpu: bool | None = None
    keeps: bool | None = None


@dataclass(frozen=True)
class Costs:
    """What was measured, and what follows from it for other parameters."""

    measured: Sequence[Measurement] = ()
    _cached: dict[str, Span] = field(default_factory=dict, compare=False, repr=False)

    def before_s(self) -> float:
        """Return the seconds that a training takes beside its epochs."""
        return sorted(one.before_s for one in self.measured)[len(self.measured) // 2] if self.measured else 0.0

    def epoch(self, params: Mapping[str, Any], *, has_gpu: bool) -> Span:
        """Return the seconds of an epoch, or of the run of a job without epochs. Something must have been measured."""
        key = canonical_json([has_gpu, {name: value for name, value in params.items() if name != EPOCHS}])
        if key not in self._cached:
            self._cached[key] = self._fit.span(features(params, has_gpu=has_gpu))
        return self._cached[key]

    @cached_property
    def _fit(self) -> _Fit:
        return _Fit(self.measured)


def features(params: Mapping[str, Any], *, has_gpu: bool) -> dict[str, float]:
    """Return what may matter: log(1 + number), the sum and the length of a list of numbers, 1 for each word."""
    found = {"gpu ": float(has_gpu)}
    for name, value in params.items():
        numbers = list(_numbers(value))
        if name == EPOCHS:
            continue
        if numbers:
            found[f"{name} "] = math.log1p(sum(map(abs, numbers)))
            if isinstance(value, list):
                found[f"{name} length "] = math.log1p(len(numbers))
        else:
            found[f"{name}={canonical_json(value)}"] = 1.0
    return found


def _numbers(value: Any) -> Iterable[float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one)


def _prior(feature: str) -> tuple[float, float]:
    if feature == "gpu ":
        return DEVICE
    if feature.endswith(" "):
        return BATCH if "batch" in feature else SIZE
    return DATA if "data" in feature.partition("=")[0] else WORD


class _Fit:
    """The regression on some measurements."""

    def __init__(self, measured: Sequence[Measurement]) -> None:
        import numpy as np

        rows = [features(one.params, has_gpu=bool(one.has_gpu)) for one in measured]
        self._names = sorted({name for row in rows for name in row})
        seconds = np.log([max(one.epoch_s, 1e-6) for one in measured])
        x = np.array([[row.get(name, 0.0) for name in self._names] for row in rows])
        self._centre, self._y = x.mean(axis=0), float(seconds.mean())
        self._low, self._high = x.min(axis=0), x.max(axis=0)
        prior = np.array([_prior(name) for name in self._names])
        x = np.hstack([x - self._centre, np.ones((len(rows), 1))])
        self._means = np.append(prior[:, 0], 0.0)
        precision = np.append(prior[:, 1], 10.0) ** -2
        self._covariance = np.linalg.inv(x.T @ x / NOISE**2 + np.diag(precision))
        self._effects = self._means + self._covariance @ (x.T @ (seconds - self._y - x @ self._means)) / NOISE**2

    def span(self, row: Mapping[str, float]) -> Span:
        """Return what four of five runs with these features take."""
        import numpy as np

        at = np.array([row.get(name, 0.0) for name in self._names])
        x = np.append(at - self._centre, 1.0)
        beyond = np.maximum(self._low - at, 0) + np.maximum(at - self._high, 0)
        bent = float((BENT * beyond * (self._high > self._low)).sum())
        new = [_prior(name) for name in row if name not in self._names]  # words, or parameters that the job got since
        mean = self._y + float(x @ self._effects) + bent / 2
        variance = NOISE**2 + float(x @ self._covariance @ x) + bent**2 + sum(spread**2 for _, spread in new)
        off = LIKELY * math.sqrt(variance)
        return Span(math.exp(mean - off), math.exp(mean), math.exp(mean + off))
