"""What stands under a table about by what its runs were made: other code, other data, other libraries, other runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hpcsweep.results import Results
from hpcsweep.results.origins import ORIGINS, began_where_another_ended
from hpcsweep.store.states import COUNTED, NOT_OF_TODAY
from hpcsweep.sweep.runs import short_id
from hpcsweep.tables.cells import MIXED, Cell


def origin_notes(results: Results, cells: Mapping[Any, Cell]) -> Iterator[str]:
    """Give the lines that say what was not made alike, or not by what is there today."""
    yield from _mixed(cells)
    yield from _differing(results, cells)
    yield from _not_of_today(results)
    yield from _accumulated(results)
    yield from _drawn(results)
    yield from _not_known(results)


def _mixed(cells: Mapping[Any, Cell]) -> Iterator[str]:
    for name, plural in ORIGINS.items():
        marked = [cell.mixed[name] for cell in cells.values() if name in cell.mixed]
        if marked:
            values = list(dict.fromkeys(value for found in marked for value in found))
            shown = "; ".join(_in_words(name, value) for value in values[:4])
            which = "A cell marked" if len(marked) == 1 else f"{len(marked)} cells marked"
            verb = "takes" if len(marked) == 1 else "take"
            see = " (hpcsweep diff --code SWEEP)" if name == "code_sha256" else ""
            yield f"WARNING: {which} {MIXED} {verb} together results of {len(values)} {plural}: {shown}{see}."


def _differing(results: Results, cells: Mapping[Any, Cell]) -> Iterator[str]:
    """Say that cells differ though none is mixed. Sets of data are left out: a parameter may well choose them."""
    for name, plural in ORIGINS.items():
        mixed = any(name in cell.mixed for cell in cells.values())
        if name in results.own and name != "data_sha256" and not mixed:
            found = results.column(name)[results.in_state(*COUNTED)].dropna().tolist()
            if len(values := list(dict.fromkeys(found))) > 1:
                counts = "; ".join(f"{_runs(found.count(one))} {_in_words(name, one)}" for one in values[:4])
                yield f"NOTE: cells differ in more than their parameters: {len(values)} {plural} made them ({counts})."


def _not_of_today(results: Results) -> Iterator[str]:
    for state in NOT_OF_TODAY:
        where = results.in_state(state)
        if where.any():
            causes = list(dict.fromkeys(results.column("cause")[where].dropna().tolist()))
            more = " ..." if len(causes) > 1 else ""
            yield (
                f"WARNING: {int(where.sum())} of {len(results.runs)} runs {_verb(int(where.sum()))} {state}: "
                f"{causes[0] if causes else 'not known'}{more}."
            )


def _accumulated(results: Results) -> Iterator[str]:
    found = began_where_another_ended(results)
    if found:
        run, other = next(iter(found.items()))
        yield (
            f"WARNING: {_runs(len(found))} began with the weights that another run ended with (such as "
            f"{short_id(run)} with those of {short_id(other)}): the model was not built anew, so these runs have more "
            "epochs behind them than they say; build it inside the job function."
        )


def _drawn(results: Results) -> Iterator[str]:
    if "drew_on_import" in results.own:
        drew = int(results.column("drew_on_import")[results.in_state(*COUNTED)].notna().sum())
        if drew:
            yield (
                f"The code of {_runs(drew)} draws random numbers while it is imported: they are the same in every run, "
                "whatever its seed."
            )


def _not_known(results: Results) -> Iterator[str]:
    if "code_sha256" in results.own:
        unknown = int(results.column("code_sha256")[results.in_state(*COUNTED)].isna().sum())
        if unknown:
            known = f"by which code and data {_runs(unknown)} {_verb(unknown)} made"
            yield f"It is not known {known}: an earlier release did not record it."


def _in_words(name: str, value: str) -> str:
    return short_id(value) if name.endswith("sha256") else value


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _verb(count: int) -> str:
    return "was" if count == 1 else "were"
