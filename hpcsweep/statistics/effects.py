"""How much each parameter matters: its main effect, and its importance to a model fitted to the results."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.errors import NothingSelectedError
from hpcsweep.results import Results, ResultsSource
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.select import results_of
from hpcsweep.results.query.values import default_value, finished, value_of
from hpcsweep.statistics.paired import LARGEST
from hpcsweep.store.opening import StoreSource

MIN_RUNS_FOR_IMPORTANCE = 12
TREES = 100
REPEATS = 10


def effects(
    source: ResultsSource, value: str | None = None, *, where: str | None = None, store: StoreSource = None
) -> pd.DataFrame:
    """Return the main effect of each varying parameter and the seed: the mean of the finished runs at each value.

    Columns: `parameter`, `value`, `n`, `mean`, `spread` (largest minus smallest mean over the values of the
    parameter), `share_of_variance` (eta squared: the share of the variance between the values of one parameter; the
    shares add up to at most 1 only if the grid is full), `metric`. Sorted by spread, the largest first.
    Raises NothingSelectedError without a finished run.
    """
    results, name, numbers, done = _data(source, value, where, store)
    rows: list[dict[str, Any]] = []
    for parameter in (*results.varying(), results.own["seed"]):
        column = results.runs[parameter].tolist()
        groups = {
            key: numbers[[keep and value == key for keep, value in zip(done, column, strict=True)]]
            for key in distinct(results.runs[parameter])
        }
        groups = {key: group for key, group in groups.items() if len(group)}
        means = [float(group.mean()) for group in groups.values()]
        spread, share = (max(means) - min(means) if means else math.nan), _eta_squared(list(groups.values()))
        rows += [
            {"parameter": parameter, "value": key, "n": len(group), "mean": mean, "spread": spread}
            | {"share_of_variance": share, "metric": name}
            for (key, group), mean in zip(groups.items(), means, strict=True)
        ]
    return pd.DataFrame(rows).sort_values("spread", ascending=False, kind="stable", ignore_index=True)


def importance(
    source: ResultsSource, value: str | None = None, *, where: str | None = None, store: StoreSource = None
) -> pd.DataFrame:
    """Return how much worse a random forest predicts the runs' results when one parameter is shuffled.

    This is scikit-learn's permutation importance, on runs that the forest did not see: 5-fold cross-validation grouped
    by setting, so that another seed of the same setting does not help. Columns: `parameter`, `importance` (drop in R²),
    `std`, `r2` (of the whole forest on unseen settings; if it is near or below 0, the importances mean nothing), `n`,
    `metric`. Raises NothingSelectedError with fewer than 12 finished runs, which are too few to fit anything.
    """
    results, name, numbers, done = _data(source, value, where, store)
    parameters = results.varying()
    if done.sum() < MIN_RUNS_FOR_IMPORTANCE or not parameters:
        raise NothingSelectedError(
            f"{results.title}: {int(done.sum())} finished runs, expected {MIN_RUNS_FOR_IMPORTANCE} or more with "
            "different parameters; use the main effects instead"
        )
    features = np.column_stack([_coded(results.runs[parameter])[done] for parameter in parameters])
    drops, scores = _cross_validated(features, numbers[done])
    frame = pd.DataFrame(
        {
            "parameter": parameters,
            "importance": drops.mean(axis=(0, 2)),
            "std": drops.mean(axis=2).std(axis=0, ddof=1),
            "r2": float(np.mean(scores)),
            "n": int(done.sum()),
            "metric": name,
        }
    )
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _data(
    source: ResultsSource, value: str | None, where: str | None, store: StoreSource
) -> tuple[Results, str, Any, Any]:
    results = results_of(source, where=where, store=store)
    shown = value_of(results, value or default_value(results))
    done = finished(results, shown)
    if not done.any():
        raise NothingSelectedError(f"{results.title}: no finished run has {shown.name}; type: {results.to_type('run')}")
    return results, shown.name, shown.numbers, done


def _eta_squared(groups: list[Any]) -> float:
    groups = [group.clip(-LARGEST, LARGEST) for group in groups]
    everything = np.concatenate(groups) if groups else np.array([])
    total = float(((everything - everything.mean()) ** 2).sum()) if len(everything) else 0.0
    between = sum(len(group) * float(group.mean() - everything.mean()) ** 2 for group in groups)
    return between / total if total else math.nan


def _coded(column: pd.Series[Any]) -> Any:
    values = distinct(column)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return column.to_numpy(dtype=np.float64)
    ranks = {value: rank for rank, value in enumerate(values)}
    return np.array([ranks[value] for value in column.tolist()], dtype=np.float64)


def _cross_validated(features: Any, target: Any) -> tuple[Any, list[float]]:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GroupKFold

    settings = np.unique(features, axis=0, return_inverse=True)[1].ravel()
    folds = GroupKFold(n_splits=min(5, len(set(settings.tolist()))))
    drops, predicted = [], np.empty_like(target)
    for seen, unseen in folds.split(features, target, settings):
        forest = RandomForestRegressor(n_estimators=TREES, random_state=0, n_jobs=1).fit(features[seen], target[seen])
        how = {"scoring": "neg_mean_squared_error", "n_repeats": REPEATS, "random_state": 0}
        found = permutation_importance(forest, features[unseen], target[unseen], **how)
        drops.append(found.importances / max(float(np.var(target)), 1e-300))
        predicted[unseen] = forest.predict(features[unseen])
    return np.array(drops), [float(r2_score(target, predicted))]
