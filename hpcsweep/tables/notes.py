"""The notes below a table: what its numbers are, which runs are not in them, and what should make a reader doubt."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep.results import Results
from hpcsweep.results.frames import distinct
from hpcsweep.results.query.in_common import in_common
from hpcsweep.results.query.labels import key_text, key_texts
from hpcsweep.results.query.noted import condition_for, counted_notes, written
from hpcsweep.results.query.over_epochs import chosen_on_test
from hpcsweep.results.query.values import Value
from hpcsweep.run_notes import WORDS
from hpcsweep.statistics.robust import MIN_RUNS, count_far_worse, typical_distance
from hpcsweep.store.states import COUNTED, FINISHED, RunState, count_states
from hpcsweep.sweep.runs import short_id
from hpcsweep.tables.alike_notes import alike_notes
from hpcsweep.tables.cells import KINDS, Cell
from hpcsweep.tables.layout import Spec
from hpcsweep.tables.origin_notes import origin_notes

SHA256_DIGITS = 64
FAR_WORSE_CELLS = 3  # that a note tells of
WRITTEN = 5  # notes and tags that a table shows
MARKED = " * marks the best, and what the seeds cannot tell from it."


def notes_of(
    results: Results,
    spec: Spec,
    values: Sequence[Value],
    cells: Mapping[Any, Cell],
    marked: Collection[Any],
    unmarked: Sequence[str],
) -> Iterator[str]:
    """Yield the lines to print below a table; `marked` are its best cells, `unmarked` why there are none."""
    what = f"A cell is the {KINDS[spec.kind]}"
    if spec.kind == "mean" and any(cell.n == 1 for cell in cells.values()):
        what += "; a single run has no ±"
    elif spec.kind == "mean" and any(cell.n for cell in cells.values()):
        what += "; ± is the spread of the runs, not an interval"
    if spec.kind == "ci" and any(0 < cell.n < MIN_RUNS for cell in cells.values()):
        what += f"; of fewer than {MIN_RUNS} runs, with which there is no such interval, the runs themselves"
    yield f"{what}.{MARKED if marked else ''}"
    if same := in_common(results):
        yield f"The same in all runs: {same}."
    yield from (f"{line[:1].upper()}{line[1:]}." for line in results.rungs)
    yield from unmarked
    yield from _far_worse_runs(values, cells)
    yield from _pooled(results, spec)
    yield from _not_in_the_numbers(results, values, cells)
    yield from _ended_early(results)
    yield from doubts(results, values)
    yield from _written(results)
    yield from alike_notes(results)
    yield from origin_notes(results, cells)


def _far_worse_runs(values: Sequence[Value], cells: Mapping[Any, Cell]) -> Iterator[str]:
    """Say of the cells whose means a few runs spoil what they are without them."""
    for position, value in enumerate(values):
        shown = {place: cell for place, cell in cells.items() if place[2] == position}
        typical = typical_distance(cell.numbers for cell in shown.values())
        found = {place: count_far_worse(cell.numbers, value.better, typical) for place, cell in shown.items()}
        worst = sorted((place for place in found if found[place]), key=lambda place: -found[place])
        told = [
            f"{', '.join(key_texts((*place[0], *place[1])))}: {found[place]} of {cell.n}, mean {cell.mean:.3g}, "
            f"median {cell.number('median'):.3g}, interquartile mean {cell.number('iqm'):.3g}"
            for place in worst[:FAR_WORSE_CELLS]
            for cell in (shown[place],)
        ]
        if told:
            more = f"; and {len(worst) - len(told)} more cells" if len(worst) > len(told) else ""
            yield f"{value.name}: some runs are far worse than the others of their cell ({'; '.join(told)}{more})."


def doubts(results: Results, values: Sequence[Value]) -> Iterator[str]:
    """Yield what should make a reader doubt: impossible accuracies, and numbers that were made in different ways."""
    done = results.in_state(*COUNTED)
    for value in values:
        shown = value.numbers[done]
        wrong = shown[(shown < 0) | (shown > 1)] if value.is_accuracy else shown[:0]
        if len(wrong):
            yield (
                f"WARNING: {value.name} of {_runs(len(wrong))} lies outside 0..1 (such as {wrong[0]:g}), so it is not "
                "an accuracy; look at what the job logs under this name."
            )
        if too_good := chosen_on_test(results, value.name):
            yield f"WARNING: {too_good}."
        infinite = int(np.isinf(shown).sum())
        if infinite:
            yield f"WARNING: {value.name} of {_runs(infinite)} is infinite."
    yield from _noted(results, results.in_state(*FINISHED))
    yield from _mixtures(results, done)


def _mixtures(results: Results, done: Any) -> Iterator[str]:
    jobs = _texts(results, "job", done)
    if len(jobs) > 1:
        yield f"WARNING: these runs belong to {len(jobs)} jobs ({', '.join(jobs[:4])}); give a sweep file, or --where."
        return
    code = "code_sha256" if _texts(results, "code_sha256", done) else "job_sha256"  # what earlier releases recorded
    mixed = {code: "versions of the job's code", "engine": "training engines", "backend": "backends of Keras"}
    for name, plural in mixed.items():
        found = _texts(results, name, done)
        if len(found) > 1:
            shown = ", ".join(map(_short, found[:4]))
            yield (
                f"WARNING: these runs come from {len(found)} {plural} ({shown}): a metric may have changed its "
                f"meaning; compare with care, or separate them with --rows {results.own[name]}."
            )


def _short(text: str) -> str:
    return short_id(text) if len(text) == SHA256_DIGITS else text


def _texts(results: Results, name: str, done: Any) -> list[str]:
    if name not in results.own:
        return []
    return [kind for kind in distinct(results.column(name)[done]) if isinstance(kind, str) and kind]


def _noted(results: Results, done: Any) -> Iterator[str]:
    """Count the runs of which there is something to say, word by word."""
    counts = counted_notes(results, done)
    for word, count in counts.items():
        yield f"{word}: {count} of {_runs(int(done.sum()))}: {WORDS[word]}."
    if counts:
        yield f"List them with --where {shlex.quote(condition_for(results, next(iter(counts))))}"


def _written(results: Results) -> Iterator[str]:
    """Say what people wrote of the runs."""
    found = [f"{what}: {_runs(count)}" for what, count in written(results).items()]
    if found:
        more = f"; and {len(found) - WRITTEN} more" if len(found) > WRITTEN else ""
        yield f"Written about runs: {'; '.join(found[:WRITTEN])}{more}."


def _pooled(results: Results, spec: Spec) -> Iterator[str]:
    pooled = [name for name in results.varying() if name in spec.pool and name not in (*spec.rows, *spec.cols)]
    if pooled:
        parts = [f"{name} ({', '.join(map(key_text, distinct(results.runs[name])[:6]))})" for name in pooled]
        yield f"Pooled: n and the spread are not over seeds alone, but over all values of {'; '.join(parts)}."


def _ended_early(results: Results) -> Iterator[str]:
    """Say where `epochs` is a maximum, because a stop rule or a callback ended runs before it."""
    if "epochs" in results.parameters and "reached_epoch" in results.own:
        done = results.in_state(RunState.DONE)
        epochs = pd.to_numeric(results.runs["epochs"], errors="coerce")
        early = int((done & (results.column("reached_epoch") < epochs)).sum())
        if early:
            yield (
                f"epochs is a maximum: {_runs(early)} of {int(done.sum())} ended before it, by a stop rule or a "
                f"callback ({results.own['reached_epoch']} says where)."
            )


def _not_in_the_numbers(results: Results, values: Sequence[Value], cells: Mapping[Any, Cell]) -> Iterator[str]:
    left_out = count_states(results.column("state"))
    for state in COUNTED:
        left_out.pop(state, None)
    if left_out:
        said = ", ".join(
            f"{count} {'missing (new)' if state == RunState.NEW else state}" for state, count in left_out.items()
        )
        yield f"Not in the numbers: {sum(left_out.values())} of {_runs(len(results.runs))}: {said}."
    for position, value in enumerate(values):
        unreached = sum(cell.unreached for place, cell in cells.items() if place[2] == position)
        if unreached:
            verb = "never got there and is" if unreached == 1 else "never got there and are"
            yield f"{value.name}: {_runs(unreached)} {verb} left out, so the numbers shown are too good."
    outside = sum(not cell.states for place, cell in cells.items() if place[2] == 0)
    if outside:
        yield f"{outside} {'cell has' if outside == 1 else 'cells have'} no run in this sweep."


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
