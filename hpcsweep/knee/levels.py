"""The curves of a setting as an error that falls: its mean in stretches of the axis, one row per seed.

A stretch of epochs holds those that a run adds to four fifths of them, counted back from the last. So it averages over
more of them the longer the training, while the curve gets flatter. On another axis each value is a stretch.
The error is what is still missing: a loss itself, or 1 - accuracy; of a metric without a known end, its negative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcsweep.knee.curves import Curve, Curves
from hpcsweep.metrics import is_at_most_one
from hpcsweep.results.summaries import Array
from hpcsweep.statistics.paired import FLOAT32, step_between
from hpcsweep.statistics.robust import far_worse
from hpcsweep.sweep.choices import EPOCHS

SHORTER = 0.8
FIRST_EPOCH = 1  # the gain from the fresh model at epoch 0 is one from chance, beside which all others seem small


@dataclass(frozen=True)
class Levels:
    """What the seeds of one setting have reached in each stretch of the axis.

    `x` float64 [stretches]: their middles; `last`: where the axis ends. `error`, `hours` (spent until the end of a
    stretch) and `fitted` (the error on the data trained on; None if unknown) are float64 [seeds, stretches].
    `rounding` [stretches]: the variance that the step between numbers gives the mean of a stretch. `has_end`: the error
    is 0 at best. `dead` seeds are left out: they gain less than half of what the others do; `still` ones, which are
    not, have one value all along.
    """

    x: Array
    last: float
    error: Array
    hours: Array
    fitted: Array | None
    rounding: Array
    has_end: bool
    dead: int
    still: int

    @property
    def seeds(self) -> int:
        """How many seeds count."""
        return len(self.error)


def levels_of(curves: Curves, found: Sequence[Curve]) -> Levels:
    """Return the levels of one setting, over the part of the axis that all its seeds have."""
    stretches = _stretches(curves.axis, found)
    rows = [[np.isin(curve.x, one) for one in stretches] for curve in found]
    numbers = np.concatenate([curve.value for curve in found])
    end, has_end = _end(curves, numbers)
    sign = -1.0 if curves.larger else 1.0
    error = end + sign * _means([curve.value for curve in found], rows)
    hours = np.array([[curve.hours[at][-1] for at in own] for curve, own in zip(found, rows, strict=True)])
    counts = np.array([[at.sum() for at in own] for own in rows], dtype=np.float64).min(axis=0)
    alive = ~_dead(error)
    known = np.concatenate([curve.value for curve, lives in zip(found, alive, strict=True) if lives])
    fitted = [curve.fitted for curve in found if curve.fitted is not None and np.isfinite(curve.fitted).all()]
    return Levels(
        np.array([float(one.mean()) for one in stretches]),
        float(stretches[-1][-1]) if stretches else math.nan,
        error[alive],
        hours[alive],
        sign * _means(fitted, rows)[alive] if len(fitted) == len(found) else None,
        step_between(known.tolist()) ** 2 / 12 / counts,
        has_end,
        int((~alive).sum()),
        _still(error[alive]),
    )


def _stretches(axis: str, found: Sequence[Curve]) -> list[Array]:
    last = min(float(curve.x[-1]) for curve in found)
    points = np.unique(np.concatenate([curve.x for curve in found]))
    points = points[points <= last]
    if axis == EPOCHS:
        points = points[points >= FIRST_EPOCH]
        steps = np.floor(np.log(points / last) / np.log(SHORTER) + 1e-9) if len(points) else points
        divided = [points[steps == step] for step in sorted(set(steps.tolist()), reverse=True)]
    else:
        divided = list(points[:, np.newaxis])
    return [one for one in divided if all(np.isin(curve.x, one).any() for curve in found)]


def _end(curves: Curves, numbers: Array) -> tuple[float, bool]:
    """Return the best that the metric can be, and whether that is known; else 0."""
    if curves.larger:
        known = is_at_most_one(curves.metric) and bool((numbers <= 1).all())
        return float(known), known
    return 0.0, bool((numbers >= 0).all())


def _means(values: Sequence[Array], rows: Sequence[Sequence[Array]]) -> Array:
    return np.array([[float(one[at].mean()) for at in own] for one, own in zip(values, rows, strict=False)])


def _dead(error: Array) -> Array:
    """Return which seeds, bool [seeds], are far worse than the others: they come less than half as far."""
    if error.shape[1] < 2:
        return np.zeros(len(error), dtype=bool)
    later = error[:, error.shape[1] // 2 :]
    typical = float(np.median(np.std(later, axis=1)))
    halfway = (np.median(error[:, 0]) + np.median(error[:, -1])) / 2
    far = np.array(far_worse(error[:, -1].tolist(), "min", typical))
    return np.asarray(far & (error[:, -1] > halfway))


def _still(error: Array) -> int:
    """Return how many seeds stay at one value; none where there is no second one."""
    if error.shape[1:] < (2,):
        return 0
    return int(np.isclose(error, error[:, :1], rtol=FLOAT32, atol=0.0).all(axis=1).sum())
