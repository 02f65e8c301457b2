"""The layout of a study that varies one factor at a time: first the base, then each change from it; four averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from hpcsweep.errors import UsageError, nearest
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_text
from hpcsweep.results.query.select import settings_of

CHANGE = "change from the base"
STUDIES: Mapping[str, Mapping[str, str]] = {
    "s3": {"mean_loss": "avg loss", "min_loss": "min loss", "mean_accuracy": "avg acc", "max_accuracy": "max acc"},
    "s3-val": {
        "mean_val_loss": "avg val loss",
        "min_val_loss": "min val loss",
        "mean_val_accuracy": "avg val acc",
        "max_val_accuracy": "max val acc",
    },
}
MAX_SETTINGS = 3000


def with_change_column(
    results: Results, rows: Sequence[str] | None, apart: Sequence[str], values: Sequence[str] | None, columns: str
) -> tuple[Results, Sequence[str], Sequence[str], dict[str, str]]:
    """Return results, rows, values and headings of the preset `columns`; rows default to the changes from the base.

    What is `apart`, such as a parameter of [across] that heads the columns, is no change from the base.
    """
    if columns not in STUDIES:
        raise UsageError(f'--columns: found "{columns}"{nearest(columns, STUDIES)}; expected {" or ".join(STUDIES)}')
    headings = dict(STUDIES[columns])
    shown = list(values or headings)
    if rows:
        return results, rows, shown, headings
    return replace(results, runs=results.runs.assign(**{CHANGE: _changes(results, apart)})), [CHANGE], shown, headings


def _changes(results: Results, apart: Sequence[str]) -> pd.Series[Any]:
    names = [name for name in results.varying() if name not in apart]
    settings = settings_of(results, names)
    base = find_base(list(dict.fromkeys(settings)))
    labels = {setting: _label(names, setting, base) for setting in settings}
    # the base comes first in the table, wherever its runs are in the file
    order = [base, *(setting for setting in dict.fromkeys(settings) if setting != base)]
    ranked = pd.Categorical([labels[s] for s in settings], categories=[labels[s] for s in order], ordered=True)
    return pd.Series(ranked)


def find_base(settings: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the setting that differs from the others in the fewest parameters, the first one if there are several."""
    if len(settings) > MAX_SETTINGS:
        raise UsageError(f"--columns: {len(settings)} settings are too many for one factor at a time; add --rows")

    def changes(base: tuple[Any, ...]) -> int:
        return sum(left != right for other in settings for left, right in zip(base, other, strict=True))

    return min(settings, key=changes)


def _label(names: Sequence[str], setting: tuple[Any, ...], base: tuple[Any, ...]) -> str:
    if setting == base:
        described = ", ".join(f"{name} {key_text(value)}" for name, value in zip(names, base, strict=True))
        return f"base: {described}" if described else "base"
    changed = zip(names, setting, base, strict=True)
    return ", ".join(f"{name} {key_text(value)}" for name, value, before in changed if value != before)
