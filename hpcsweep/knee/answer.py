"""The whole answer to one question: the knee, where thresholds are reached, and what each stretch of the axis buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from hpcsweep.knee.gains import marginal, reaching
from hpcsweep.knee.point import knee
from hpcsweep.results import ResultsSource, load
from hpcsweep.store.opening import StoreSource
from hpcsweep.sweep.choices import EPOCHS

THRESHOLDS = (0.6, 0.8, 0.85)


@dataclass(frozen=True)
class KneeFrames:
    """The frames of `knee.knee`, `knee.reaching` and `knee.marginal` for the same runs, metric and axis."""

    knee: pd.DataFrame
    reaching: pd.DataFrame
    marginal: pd.DataFrame

    def titled(self) -> dict[str, pd.DataFrame]:
        """Return the frames by their titles for people."""
        return {
            "Where it stops paying": self.knee,
            "First reached": self.reaching,
            "What each stretch buys": self.marginal,
        }

    def _repr_html_(self) -> str:
        return "".join(f"<h4>{title}</h4>{frame.to_html(index=False)}" for title, frame in self.titled().items())


def find_knee(
    source: ResultsSource,
    metric: str | None = None,
    *,
    axis: str = EPOCHS,
    percent: float | None = None,
    gain: float | None = None,
    gain_per_hour: float | None = None,
    reach: Sequence[float] = THRESHOLDS,
    where: str | None = None,
    store: StoreSource = None,
) -> KneeFrames:
    """Say after how many epochs (or where on another `axis`) nothing later is worth it, or why that cannot be said.

    What is worth it say `percent`, `gain` or `gain_per_hour`, as in `knee.knee`: by default, what lowers the error
    that is left by 5 %. `reach` are the thresholds of interest; `where` is a filter such as "layers >= 3". Raises
    UsageError for a metric, an axis or a price that will not do.
    """
    results = load(source, store=store)
    return KneeFrames(
        knee(results, metric, axis=axis, percent=percent, gain=gain, gain_per_hour=gain_per_hour, where=where),
        reaching(results, metric, reach, axis=axis, where=where),
        marginal(results, metric, axis=axis, where=where),
    )
