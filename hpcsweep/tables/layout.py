"""What a table is to show: what was asked for, or what the sweep file says, or a choice from what varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpcsweep.errors import UsageError, nearest
from hpcsweep.results import Results
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.select import settings_of
from hpcsweep.results.query.values import default_value
from hpcsweep.tables.cells import KINDS

MAX_COLUMNS = 6
FILLED = 0.7  # a grid that is emptier than this is really a list of settings, and easier to read without columns


@dataclass(frozen=True)
class Spec:
    """A table's rows and columns (parameters or columns of ours), its values, and which statistic a cell shows."""

    rows: tuple[str, ...]
    cols: tuple[str, ...]
    values: tuple[str, ...]
    kind: str = "mean"


def choose(
    results: Results,
    rows: Sequence[str] | None,
    cols: Sequence[str] | None,
    values: Sequence[str] | None,
    kind: str = "mean",
) -> Spec:
    """Return the table to make; UsageError names a row, column or statistic that does not exist."""
    said = results.layout
    if rows is None and cols is None and said is not None and (said.rows or said.cols):
        rows, cols = said.rows, said.cols
    if rows is None and cols is None:
        rows, cols = _layout(results)
    values = values or (said.value if said is not None else None) or [default_value(results)]
    if kind not in KINDS:
        raise UsageError(f'--stat: found "{kind}"{nearest(kind, KINDS)}; expected one of {", ".join(KINDS)}')
    spec = Spec(tuple(rows or ()), tuple(cols or ()), tuple(values), kind)
    for name in (*spec.rows, *spec.cols):
        _check_axis(results, name)
    twice = [name for name in spec.rows if name in spec.cols]
    if twice or len(set(spec.rows)) < len(spec.rows) or len(set(spec.cols)) < len(spec.cols):
        raise UsageError(f"--rows and --cols name {', '.join(twice) or 'a parameter'} twice; expected each once")
    return spec


def _layout(results: Results) -> tuple[list[str], list[str]]:
    varying = list(results.varying())
    if len(varying) < 2:
        return varying, []
    for name in reversed(varying):
        values = len(distinct(results.runs[name]))
        others = [other for other in varying if other != name]
        settings = len(set(settings_of(results, varying)))
        settings_of_rows = len(set(settings_of(results, others)))
        if values <= MAX_COLUMNS and settings >= FILLED * values * settings_of_rows:
            return others, [name]
    return varying, []


def _check_axis(results: Results, name: str) -> None:
    known = [*results.parameters, *results.own]
    if name not in known and name not in results.runs:
        raise UsageError(
            f'no parameter is called "{name}"{nearest(name, known)}; expected one of: {", ".join(results.parameters)}'
        )
