"""What a report says first: the values to choose from, what the parameters do to them, and what to doubt."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hpcsweep.errors import HpcsweepError
from hpcsweep.metrics import SECONDS
from hpcsweep.report.columns import json_value
from hpcsweep.report.curves import shown_metrics
from hpcsweep.results import Results
from hpcsweep.results.query.labels import key_texts
from hpcsweep.results.query.noted import condition_for, counted_notes
from hpcsweep.results.query.select import settings_of
from hpcsweep.results.query.values import default_value, find_column, value_of
from hpcsweep.run_notes import WORDS
from hpcsweep.statistics import best, effects, sentences
from hpcsweep.statistics.compare import compare_all
from hpcsweep.store.states import COUNTED, FINISHED, NOT_OF_TODAY, RunState
from hpcsweep.tables.notes import doubts
from hpcsweep.tables.origin_notes import origin_notes

MAX_RETURNED = 6
TESTED = 20_000  # runs times values: what is tested for every value, beyond that only for the first


def values_of(results: Results) -> list[dict[str, Any]]:
    """Return the values that a page may be about, the one that the sweep is about first: name, better, column."""
    names = [_default(results)]
    for metric in shown_metrics(results):
        way = results.better(metric)
        names += [f"last_{metric}", *([f"best_{metric}"] if f"best_{metric}" in results.own else [])]
        names += [f"{way}_{metric}"] if way else [f"min_{metric}", f"max_{metric}"]
    names += [*results.returned[:MAX_RETURNED], f"mean_{SECONDS}", "time_s"]
    return [value for name in dict.fromkeys(names) if name and (value := _value(results, name))]


def _value(results: Results, name: str) -> dict[str, Any] | None:
    try:
        column = find_column(results, name)
    except HpcsweepError:
        return None
    if not np.isfinite(value_of(results, name).numbers).any():
        return None
    shown = value_of(results, name)
    return {"name": shown.name, "column": column, "better": shown.better, "accuracy": shown.is_accuracy}


def _default(results: Results) -> str | None:
    if results.layout is not None and results.layout.value:
        return str(results.layout.value[0])
    try:
        return default_value(results)
    except HpcsweepError:
        return None


def best_of(results: Results, values: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return {value: {"said": sentence, "left": rows}}: a run of each setting that cannot be told from the best.

    `left` is empty where no setting is told from the best, and `said` is why. For more runs than can be judged for
    every value in a moment, only the first value has it.
    """
    return {value["name"]: _best(results, value["name"]) for value in _tested(results, values)}


def _best(results: Results, name: str) -> dict[str, Any]:
    try:
        judged = best(results, name)
    except HpcsweepError as error:
        return {"said": str(error), "left": []}
    rows = {
        tuple(key_texts(key)): row for row, key in reversed(list(enumerate(settings_of(results, judged.parameters))))
    }
    left = zip(*(judged.left[name].tolist() for name in judged.parameters), strict=True) if judged.claims else ()
    return {"said": judged.verdict(), "left": [rows[tuple(key_texts(key))] for key in left]}


def _tested(results: Results, values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return values if len(results.runs) * len(values) <= TESTED else values[:1]


def effects_of(results: Results, values: list[dict[str, Any]]) -> dict[str, Any]:
    """Return {value: {"rows": ..., "sentences": ...}}: each value of a parameter against the best one of it.

    A row has `parameter`, `value`, `against`, `difference`, `low`, `high`, `p`, `verdict`, and `spread`, by which the
    parameters are ordered; values without any pair have none. For more runs than can be tested for every value in a
    moment, only the first value has them.
    """
    found = {}
    for value in _tested(results, values):
        try:
            said = list(sentences(results, value["name"]))
            found[value["name"]] = {"rows": list(_rows(results, value)), "sentences": said}
        except HpcsweepError as error:
            found[value["name"]] = {"rows": [], "sentences": [str(error)]}
    return found


def _rows(results: Results, value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    means = effects(results, value["name"])
    pairs = compare_all(results, list(results.varying()), value["name"]).to_dict(orient="records")
    for parameter, of in means.groupby("parameter", sort=False):
        if parameter not in results.varying():
            continue
        least = value["better"] == "min"
        best = of["value"].tolist()[int((of["mean"].idxmin() if least else of["mean"].idxmax()) - of.index[0])]
        spread = float(of["spread"].iloc[0])
        for pair in pairs:
            if pair["parameter"] == parameter and best in (pair["first"], pair["second"]) and pair["n_seeds"]:
                yield {"spread": spread, **_against(pair, best)}


def _against(pair: dict[Any, Any], best: Any) -> dict[str, Any]:
    sign, other = (1, pair["second"]) if pair["first"] == best else (-1, pair["first"])
    low, high = sorted((sign * pair["ci_low"], sign * pair["ci_high"]))
    numbers = {"difference": sign * pair["difference"], "low": low, "high": high, "p": pair["p_holm"]}
    shown = {name: None if math.isnan(number) else float(number) for name, number in numbers.items()}
    sides = {"value": json_value(other), "against": json_value(best)}
    return {"parameter": pair["parameter"], **sides, **shown, "seeds": pair["n_seeds"], "verdict": pair["verdict"]}


def doubts_of(results: Results, values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what should make a reader doubt: in a few words, with the condition that shows the runs, or in full.

    Among it is what [halving] has stopped, what it spent, and its audit.
    """
    found = [*_short_doubts(results, values), *({"text": line, "where": None} for line in results.rungs)]
    if values:
        shown = [value_of(results, values[0]["name"])]
        found += [{"text": note, "where": None} for note in (*doubts(results, shown), *origin_notes(results, {}))]
    return found


def _short_doubts(results: Results, values: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    state = results.own["state"]
    for note, count in counted_notes(results, results.in_state(*FINISHED)).items():
        yield {"text": f"{count} {note}", "title": WORDS[note], "where": condition_for(results, note)}
    for one in (RunState.DIVERGED, RunState.FAILED, RunState.CORRUPT, RunState.NEWER, *NOT_OF_TODAY):
        if count := int(results.in_state(one).sum()):
            yield {"text": f"{count} {one}", "where": f"{state} == {str(one)!r}"}
    for value in values:
        numbers = results.runs[value["column"]].to_numpy(dtype=float)[results.in_state(*COUNTED)]
        if value["accuracy"] and (count := int(((numbers < 0) | (numbers > 1)).sum())):
            where = f"{value['column']} < 0 or {value['column']} > 1"
            yield {"text": f"{count} with {value['name']} outside 0..1", "where": where}
