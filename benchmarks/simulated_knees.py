"""How often `knee` is right on simulated curves, beside the package kneed.

    python benchmarks/simulated_knees.py [--reports 400] [--seeds 2 3 5 10]

First curves without any gain. Counts the reports in which any setting is said to gain, wanted at most 0.05; of these,
to have a knee; and the share of kneed, which is given the mean over seeds. Then curves whose knee is known: the first
epoch from where on no later one has an error that is lower by 5 % of what is left. Prints how often a knee is told, its
median, and how often its interval holds the true one; then how often kneed tells one, and its median.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hpcsweep.knee.curves import Curve, Curves
from hpcsweep.knee.find import Found, find
from hpcsweep.knee.judge import Price, gains
from hpcsweep.knee.levels import levels_of

Numbers = NDArray[np.float64]
Rng = np.random.Generator
PRICE = Price(percent=5)
SEEDS_DIFFER = 0.03  # the errors of seeds, as a share
NOISE = 0.003  # of each epoch


def _collapsing(rng: Rng, seeds: int, epochs: int) -> Numbers:
    """Some runs collapse, each in an epoch of its own."""
    when = np.where(rng.random((seeds, 1)) < 0.15, rng.integers(0, epochs, (seeds, 1)), epochs)
    return np.where(np.arange(epochs) < when, 0.05, 0.9) + rng.normal(0, 0.005, (seeds, epochs))


def _unlike(rng: Rng, seeds: int, epochs: int) -> Numbers:
    """A setting of any error between 0.03 and 1, whose noise grows with it."""
    return np.exp(rng.uniform(-3.5, 0)) * np.exp(rng.normal(0, 0.1, (seeds, epochs)))


FLAT: dict[str, Callable[[Rng, int, int], Numbers]] = {
    "normal": lambda rng, seeds, epochs: rng.normal(0.1, 0.01, (seeds, epochs)),
    "accuracy of 100": lambda rng, seeds, epochs: 1 - rng.binomial(100, 0.97, (seeds, epochs)) / 100,
    "skewed loss": lambda rng, seeds, epochs: np.exp(rng.normal(-2, 1, (seeds, epochs))),
    "collapsing": _collapsing,
    "unlike settings": _unlike,
    "random walk": lambda rng, seeds, epochs: 1 + 0.002 * rng.normal(size=(seeds, epochs)).cumsum(axis=1),
}
KNOWN: dict[str, tuple[int, Callable[[Numbers], Numbers]]] = {
    "settles fast": (100, lambda x: 0.03 + 0.3 * np.exp(-x / 5)),
    "settles slowly": (400, lambda x: 0.05 + 0.8 * np.exp(-x / 20)),
    "a power": (1000, lambda x: 0.02 + 0.2 * (x + 1) ** -0.8),
    "still falling": (300, lambda x: 0.01 + 0.2 * (x + 1) ** -0.5),
    "overfits": (100, lambda x: 0.3 + 0.7 * np.exp(-x / 6) + 0.004 * np.maximum(x - 25, 0)),
}


@dataclass(frozen=True)
class Told:
    """What came of simulated reports: shares of them, and median places."""

    gains: float
    ours: float
    our_place: float
    covered: float
    kneed: float
    kneed_place: float


def flat(kind: str, seeds: int, epochs: int, settings: int, reports: int) -> Told:
    """Count on curves without any gain."""
    rng = np.random.default_rng([seeds, epochs, settings])
    drawn = ([FLAT[kind](rng, seeds, epochs + 1) for _ in range(settings)] for _ in range(reports))
    return _told(drawn, None)


def known(kind: str, seeds: int, reports: int) -> tuple[int, Told]:
    """Return the true knee, and count on curves that have it."""
    epochs, curve = KNOWN[kind]
    error = curve(np.arange(epochs + 1.0))
    rng = np.random.default_rng([seeds, epochs])
    truth = true_knee(error)

    def report() -> list[Numbers]:
        own = np.exp(rng.normal(0, SEEDS_DIFFER, (seeds, 1)))
        return [error * own + rng.normal(0, NOISE, (seeds, epochs + 1))]

    return truth, _told((report() for _ in range(reports)), truth)


def true_knee(error: Numbers) -> int:
    """Return the first epoch after which no error is less by more than 5 %."""
    best_to_come = np.minimum.accumulate(error[::-1])[::-1]
    return 1 + int(np.argmax((error * 0.95 <= best_to_come)[1:]))


def found_in(settings: list[Numbers]) -> list[Found]:
    """Return what `knee` finds in errors, [seeds, epochs], of the settings of one report."""
    made = [
        Curves(
            "epochs",
            "val_loss",
            False,
            (),
            tuple(Curve((), n, np.arange(float(len(y))), y, y) for n, y in enumerate(one)),
        )
        for one in settings
    ]
    levels = [levels_of(curves, curves.curves) for curves in made]
    return [find(one, PRICE, "epochs", gain) for one, gain in zip(levels, gains(levels), strict=True)]


def _told(drawn: Iterator[list[Numbers]], truth: int | None) -> Told:
    ours, theirs = zip(*((found_in(settings), [_kneed(one) for one in settings]) for settings in drawn), strict=True)
    places = [one.knee for report in ours for one in report if one.knee is not None]
    their_places = [place for report in theirs for place in report if place is not None]
    intervals = [(one.low, one.high or np.inf) for report in ours for one in report if one.low is not None]
    covered = [low <= truth <= high for low, high in intervals] if truth is not None else []
    return Told(
        gains=_share([any(one.low is not None for one in report) for report in ours]),
        ours=_share([any(one.knee is not None for one in report) for report in ours]),
        our_place=float(np.median(places)) if places else np.nan,
        covered=_share(covered),
        kneed=_share([any(place is not None for place in report) for report in theirs]),
        kneed_place=float(np.median(their_places)) if their_places else np.nan,
    )


def _kneed(error: Numbers) -> float | None:
    import warnings

    from kneed import KneeLocator

    mean = error.mean(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where it finds none
        place = KneeLocator(range(len(mean)), mean, curve="convex", direction="decreasing").knee
    return None if place is None else float(place)


def _share(happened: list[bool]) -> float:
    return float(np.mean(happened)) if happened else np.nan


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=400, help="simulated reports per row")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5, 10])
    parser.add_argument("--epochs", type=int, nargs="+", default=[6, 100])
    parser.add_argument("--settings", type=int, nargs="+", default=[1, 12])
    options = parser.parse_args()
    print(f"{'no gain':18}{'seeds':>6}{'epochs':>7}{'settings':>9}{'gains':>8}{'knee':>8}{'kneed':>8}")
    for kind, seeds, epochs, settings in product(FLAT, options.seeds, options.epochs, options.settings):
        told = flat(kind, seeds, epochs, settings, options.reports)
        print(f"{kind:18}{seeds:6}{epochs:7}{settings:9}{told.gains:8.3f}{told.ours:8.3f}{told.kneed:8.3f}", flush=True)
    print(f"\n{'known':18}{'seeds':>6}{'true':>6}{'knee':>7}{'median':>8}{'covered':>9}{'kneed':>8}{'median':>8}")
    for kind, seeds in product(KNOWN, options.seeds):
        truth, told = known(kind, seeds, options.reports // 4)
        print(
            f"{kind:18}{seeds:6}{truth:6}{told.ours:7.2f}{told.our_place:8.1f}{told.covered:9.3f}{told.kneed:8.2f}"
            f"{told.kneed_place:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
