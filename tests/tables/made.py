"""Results that the tests of tables share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.made_results import results_of


def grid(**changes: Any) -> Any:
    """Two optimizers by two depths by three seeds; the score is 10 * layers + seed."""
    runs = [
        {"layers": n, "optimizer": o, "seed": s, "last_score": 10.0 * n + s}
        for n in (2, 3)
        for o in ("adam", "adagrad")
        for s in range(3)
    ]
    for index, change in changes.get("at", {}).items():
        runs[index].update(change)
    return results_of(runs, ["layers", "optimizer"])


def ordered(*names: str, seeds: int = 3) -> list[dict[str, Any]]:
    """Three settings whose numbers grow from one to the next, far beyond the spread of the seeds."""
    rng = np.random.default_rng(0)
    points = [(n, s) for n in (1, 2, 3) for s in range(seeds)]
    return [{"a": n, "seed": s, **{name: n / 4 + 0.001 * rng.normal() for name in names}} for n, s in points]
