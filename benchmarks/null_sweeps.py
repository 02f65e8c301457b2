"""How often a report claims a difference where there is none, and how often an interval holds the truth.

    python benchmarks/null_sweeps.py [--reports 400] [--parameters 1 3 6]

Simulates sweeps in which no parameter has an effect, and counts. The baseline is what most reports do: a paired t test
for each pair of values, Holm's correction within each parameter, and p = 0 where all differences are equal. Prints for
each kind of numbers, seeds and parameters: the share of reports with a false claim, wanted at most 0.05, for the
baseline and for `hpcsweep.statistics`, whose reports hold claims about parameters and about the best setting; the share
of its intervals that hold 0, and of comparisons without a claim; and the share of reports in which any setting is told
from the best, though all are equal.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ttest_1samp

from hpcsweep.results import Results
from hpcsweep.statistics import holm
from hpcsweep.statistics.best_set import LEVEL, best_set
from hpcsweep.statistics.compare import SIGNIFICANT, compare_all

Numbers = NDArray[np.float64]
ROUNDED = 1e-12
OF_PARAMETERS = 1 - LEVEL / SIGNIFICANT  # the share of a report's claims that its comparisons of parameters have
VALUES = 3  # of each parameter, up to three; of more, two, so that the grid stays small


def _collapsing(rng: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    return np.where(rng.random(shape) < 0.15, 0.1, rng.normal(0.95, 0.005, shape))


def _unequal(rng: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    """Two settings are wilder by 5 than the others."""
    spread = np.full(shape[1:], 0.002)
    spread.flat[:2] = 0.01
    return rng.normal(0.9, spread, shape)


def _one_gone_wrong(rng: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    """One run is off by 20 times the spread of the others."""
    numbers = rng.normal(0.9, 0.005, shape)
    numbers.flat[rng.integers(numbers.size)] -= 0.1
    return numbers


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Numbers]] = {
    "normal": lambda rng, shape: rng.normal(0.9, 0.01, shape),
    "accuracy of 100": lambda rng, shape: rng.binomial(100, 0.99, shape) / 100,
    "accuracy of 10,000": lambda rng, shape: rng.binomial(10_000, 0.97, shape) / 10_000,
    "skewed loss": lambda rng, shape: np.exp(rng.normal(-2, 1, shape)),
    "collapsing": _collapsing,
    "two settings wilder": _unequal,
    "one run gone wrong": _one_gone_wrong,
}


@dataclass(frozen=True)
class Counted:
    """What came of simulated reports, as shares."""

    baseline: float
    claimed: float
    covered: float
    no_claim: float
    told_from_best: float


def count(kind: str, seeds: int, parameters: int, reports: int, seed: int = 0) -> Counted:
    """Simulate reports on sweeps without any effect, and count."""
    rng = np.random.default_rng([seed, seeds, parameters])
    levels = VALUES if parameters <= VALUES else 2
    drawn = [KINDS[kind](rng, (seeds, *[levels] * parameters)) for _ in range(reports)]
    names = [f"p{n}" for n in range(parameters)]
    frames = [compare_all(results_of(numbers), names, "last_score", share=OF_PARAMETERS) for numbers in drawn]
    told = np.array([best_set(n.reshape(seeds, -1).T, larger=True).claims for n in drawn])
    every = pd.concat(frames)
    tested = every[every["p"].notna()]
    covered = (tested["ci_low"] <= ROUNDED) & (tested["ci_high"] >= -ROUNDED)
    return Counted(
        baseline=float(np.mean([_baseline_claims(numbers) for numbers in drawn])),
        claimed=float(np.mean([(frame["verdict"] == "different").any() for frame in frames] | told)),
        covered=float(covered.mean()) if len(tested) else math.nan,
        no_claim=1 - len(tested) / len(every),
        told_from_best=float(np.mean(told)),
    )


def results_of(numbers: Numbers) -> Results:
    """Return results with these numbers as `last_score`, [seeds, values of a parameter, values of another, ...]."""
    points = list(product(*map(range, numbers.shape)))
    names = [f"p{n}" for n in range(numbers.ndim - 1)]
    columns = {name: pd.Series([point[n + 1] for point in points], dtype="object") for n, name in enumerate(names)}
    frame = pd.DataFrame(
        {
            "id": [f"{n:064x}" for n in range(len(points))],
            "state": "done",
            "seed": [point[0] for point in points],
            "last_score": numbers.ravel(),
            **columns,
        }
    )
    return Results("simulated", frame, tuple(names), own={name: name for name in ("id", "state", "seed", "last_score")})


def _baseline_claims(numbers: Numbers) -> bool:
    return any(min(holm(_plain_p_values(numbers, axis))) < SIGNIFICANT for axis in range(1, numbers.ndim))


def _plain_p_values(numbers: Numbers, axis: int) -> list[float]:
    means = numbers.mean(axis=tuple(other for other in range(1, numbers.ndim) if other != axis))
    found = []
    for first, second in combinations(range(means.shape[1]), 2):
        differences = means[:, second] - means[:, first]
        equal = len(set(differences.tolist())) == 1
        found.append(float(differences[0] == 0) if equal else float(ttest_1samp(differences, 0.0).pvalue))
    return found


def main() -> None:
    """Print a row for each kind, number of seeds and of parameters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=400, help="simulated reports per row")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5, 10])
    parser.add_argument("--parameters", type=int, nargs="+", default=[1, 3, 6])
    options = parser.parse_args()
    print(
        f"{options.reports} reports per row; the standard error of a share of 0.05 is "
        f"{math.sqrt(0.05 * 0.95 / options.reports):.3f}"
    )
    print(
        f"{'numbers':20}{'seeds':>6}{'parameters':>11}{'baseline':>10}{'ours':>7}{'covered':>9}"
        f"{'no claim':>10}{'best':>7}"
    )
    for kind, seeds, parameters in product(KINDS, options.seeds, options.parameters):
        row = count(kind, seeds, parameters, options.reports)
        print(
            f"{kind:20}{seeds:6}{parameters:11}{row.baseline:10.3f}{row.claimed:7.3f}{row.covered:9.3f}"
            f"{row.no_claim:10.2f}{row.told_from_best:7.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
