"""What all runs of a question have in common, told by the runs themselves: it belongs under each table and figure."""

from __future__ import annotations

from hpcsweep.results.frames import Results, distinct
from hpcsweep.results.query.labels import key_text
from hpcsweep.store.states import FINISHED
from hpcsweep.sweep.runs import short_id

MOST_PARAMETERS = 12
_MADE_BY = {"code_sha256": "code", "data_sha256": "data"}


def in_common(results: Results) -> str:
    """Return what is the same in all runs, such as `dataset digits, scaling none; code 3f2a9c81b0de`; may be empty."""
    fixed = [name for name in results.parameters if name not in results.varying()]
    said = [f"{name} {key_text(distinct(results.runs[name])[0])}" for name in fixed[:MOST_PARAMETERS]]
    if len(fixed) > MOST_PARAMETERS:
        said.append(f"{len(fixed) - MOST_PARAMETERS} more parameters")
    made_by = []
    for name, word in _MADE_BY.items():
        found = set(results.column(name)[results.in_state(*FINISHED)]) if name in results.own else set()
        made_by += [f"{word} {short_id(one)}" for one in found if len(found) == 1 and isinstance(one, str)]
    return "; ".join(filter(None, [", ".join(said), ", ".join(made_by)]))
