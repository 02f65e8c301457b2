"""What a table is to show: what was asked for, or what the sweep file says, or a choice from what varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpcsweep.errors import UsageError, nearest
from hpcsweep.results import Results
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.select import known, settings_of, with_others_that_vary
from hpcsweep.results.query.values import default_value
from hpcsweep.tables.cells import KINDS

MAX_COLUMNS = 6
FILLED = 0.7  # a grid that is emptier than this is really a list of settings, and easier to read without columns


@dataclass(frozen=True)
class Spec:
    """A table's rows and columns (parameters or columns of ours), its values, and which statistic a cell shows.

    `pool` are the parameters all of whose values a cell takes together; of all others it has one.
    """

    rows: tuple[str, ...]
    cols: tuple[str, ...]
    values: tuple[str, ...]
    kind: str = "mean"
    pool: tuple[str, ...] = ()


def choose(
    results: Results,
    rows: Sequence[str] | None,
    cols: Sequence[str] | None,
    values: Sequence[str] | None,
    kind: str = "mean",
    pool: Sequence[str] = (),
) -> Spec:
    """Return the table to make; UsageError names a row, column or statistic that does not exist.

    Parameters that vary and were given no place head rows, after those that were.
    """
    said = results.layout
    if rows is None and cols is None and said is not None and (said.rows or said.cols):
        rows, cols = said.rows, said.cols
    if rows is None and cols is None:
        rows, cols = _layout(results, pool)
    if kind not in KINDS:
        raise UsageError(f'--stat: found "{kind}"{nearest(kind, KINDS)}; expected one of {", ".join(KINDS)}')
    for name in (*(rows or ()), *(cols or ())):
        _check_axis(results, name)
    values = values or (said.value if said is not None else None) or [default_value(results)]
    placed = [*(cols or ()), *(rows or ())]
    more = with_others_that_vary(results, placed, pool)[len(placed) :]
    spec = Spec((*(rows or ()), *more), tuple(cols or ()), tuple(values), kind, tuple(pool))
    twice = [name for name in spec.rows if name in spec.cols]
    if twice or len(set(spec.rows)) < len(spec.rows) or len(set(spec.cols)) < len(spec.cols):
        raise UsageError(f"--rows and --cols name {', '.join(twice) or 'a parameter'} twice; expected each once")
    return spec


def _layout(results: Results, pool: Sequence[str]) -> tuple[list[str], list[str]]:
    varying = [name for name in results.varying() if name not in pool]
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
    names = [*results.parameters, *results.own]
    if name not in names and name not in results.runs:
        raise UsageError(f'no parameter is called "{name}"{nearest(name, names)}; expected one of: {known(results)}')
