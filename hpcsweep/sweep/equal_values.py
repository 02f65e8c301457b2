"""Values of one parameter that are equal, though their types make them different runs: 1, 1.0 and true."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hpcsweep.sweep.toml_problems import Problem
from hpcsweep.sweep.value_types import Value

EXPECTED = "values that differ as numbers, since tables would take these for one"


def equal_values(columns: Mapping[str, Sequence[Value]]) -> list[Problem]:
    """Return a problem for the first such values of each parameter, by name; true counts as 1, as in Python.

    Values of a parameter of one type have none, since they are brought to that type.
    """
    problems = []
    for name, column in columns.items():
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
