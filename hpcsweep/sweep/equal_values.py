"""Values of one parameter that are equal, though their types make them different runs: 1, 1.0 and true."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hpcsweep.sweep.runs import Run
from hpcsweep.sweep.toml_problems import Problem

EXPECTED = "values that differ as numbers, since tables would take these for one"


def equal_values(runs: Sequence[Run]) -> list[Problem]:
    """Return a problem for the first such values of each parameter; true counts as 1, as in Python.

    A parameter with a type has none, since its values are brought to that type.
    """
    problems = []
    for at, name in enumerate(runs[0].names):
        column = [run.values[at] for run in runs]
        if len({type(value) for value in column}) == 1 and not isinstance(column[0], list):
            continue
        texts: dict[Any, dict[str, None]] = {}
        for value in {repr(value): value for value in column}.values():
            texts.setdefault(_key(value), {})[json.dumps(value)] = None
        equal = next((list(found) for found in texts.values() if len(found) > 1), None)
        if equal:
            problems.append(Problem(name, " and ".join(equal), EXPECTED))
    return problems


def _key(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_key, value))
    return json.dumps(value) if isinstance(value, dict) else value
