"""Everything that the script of a report reads, as plain values that are safe to put into JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hpcsweep.errors import HpcsweepError
from hpcsweep.report.answer import best_of, doubts_of, effects_of, values_of
from hpcsweep.report.columns import columns_of
from hpcsweep.report.curves import curves_of, shown_metrics
from hpcsweep.report.details import commands, confusion_of, logs_of, provenance
from hpcsweep.results import Results
from hpcsweep.results.query.select import columns_of_words
from hpcsweep.store.states import COUNTED, FINISHED, RunState, count_states
from hpcsweep.tables.layout import choose

OPEN = (RunState.NEW, RunState.RUNNING, RunState.RESUMABLE)


def content_of(results: Results, next_s: float | None) -> dict[str, Any]:
    """Return what the page is made from; `next_s`: in how many seconds the file will be written again, if it will."""
    values = values_of(results)
    metrics = shown_metrics(results)
    states = count_states(results.column("state"))
    return {
        "title": results.title,
        "columns": columns_of(results),
        "words": columns_of_words(results),
        "own": {ours: theirs for ours, theirs in results.own.items() if ours != theirs},
        "parameters": list(results.parameters),
        "varying": list(results.varying()),
        "states": states,
        "counted": list(map(str, COUNTED)),
        "finished": list(map(str, FINISHED)),
        "open": open_runs(results),
        "values": values,
        "better": {name: results.better(name) for name in metrics},
        "best": best_of(results, values),
        "effects": effects_of(results, values),
        "doubts": doubts_of(results, values),
        "layout": _layout(results),
        "curves": curves_of(results),
        "confusion": confusion_of(results, values),
        "logs": logs_of(results),
        "provenance": [list(fact) for fact in provenance(results)],
        "commands": commands(results),
        "written": datetime.now(UTC).timestamp(),
        "next_s": next_s,
    }


def open_runs(results: Results) -> int:
    """Return how many runs may still come to something: the new, the running and the resumable."""
    return int(results.in_state(*OPEN).sum())


def _layout(results: Results) -> dict[str, list[str]]:
    try:
        spec = choose(results, None, None, None)
    except HpcsweepError:
        return {"rows": [], "cols": []}
    return {"rows": list(spec.rows), "cols": list(spec.cols)}
