"""From values of a sweep file to values as the job will get them: every name is known, and every value fits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hpcsweep.errors import nearest
from hpcsweep.sweep.choices import SEED
from hpcsweep.sweep.job import JobSchema, Parameter
from hpcsweep.sweep.points import RandomSpec
from hpcsweep.sweep.sampling import Draw
from hpcsweep.sweep.toml_problems import Problem
from hpcsweep.sweep.value_types import (
    Anything,
    Exact,
    Kind,
    ListOf,
    MismatchError,
    OneOf,
    Value,
    choices,
    describe,
    fitted,
    listed,
)

LARGEST_EXACT = 2**53  # above this a float cannot hold every whole number


class Fitting:
    """Reads tables and lists against one job, and collects what is wrong in `problems`."""

    def __init__(self, job: JobSchema) -> None:
        self._job = job
        self.problems: list[Problem] = []

    def values(self, section: str, table: Mapping[str, Any]) -> dict[str, Value]:
        """Return the values of a table, each as the job will get it; fields of a class have dotted names."""
        table = self._flat(section, table)
        known = {name: self._known(section, name) for name in table}
        return {
            name: self._fit(f"{section}.{name}", parameter.kind, table[name], _one_value_hint(table[name]))
            for name, parameter in known.items()
            if parameter
        }

    def lists(self, section: str, table: Mapping[str, list[Any]]) -> dict[str, list[Value]]:
        """Return the lists of a table, each value as the job will get it."""
        known = {name: self._known(section, name) for name in table}
        return {
            name: self.fit_all(f"{section}.{name}", parameter.kind, table[name])
            for name, parameter in known.items()
            if parameter
        }

    def fit_all(self, key: str, kind: Kind, values: Iterable[Any]) -> list[Value]:
        """Return those of `values` that fit, up to the first that does not."""
        before = len(self.problems)
        fitting = []
        for value in values:
            fitting.append(self._fit(key, kind, value, _list_of_lists_hint(kind, value)))
            if len(self.problems) > before:  # one fault per list is enough to report
                break
        return fitting

    def draws(self, section: str, specs: Mapping[str, RandomSpec]) -> dict[str, Draw]:
        """Return how the parameters of a table are drawn."""
        known = {name: self._known(section, name) for name in specs}
        return {
            name: self._draw(f"{section}.{name}", parameter.kind, specs[name])
            for name, parameter in known.items()
            if parameter
        }

    def _draw(self, key: str, kind: Kind, spec: RandomSpec) -> Draw:
        if spec.choice is not None:
            return Draw(kind, choices=tuple(self.fit_all(f"{key}.choice", kind, spec.choice)))
        low, high = spec.low or 0.0, spec.high or 0.0
        whole = not _takes_any_float(kind) if spec.whole is None else spec.whole
        if not _takes_any_float(kind) and not (whole and _takes_any_int(kind)):
            self._report(
                key, "a range of numbers", f"{kind.expected()} ({self._job.shown}); choice = [...] lists values"
            )
        for end, value in (("low", low), ("high", high)):
            if whole and (value != int(value) or abs(value) > LARGEST_EXACT):
                self._report(f"{key}.{end}", describe(value), f"a whole number ({self._job.shown})")
        return Draw(kind, low=low, high=high, log=spec.log, whole=whole)

    def point(self, section: str, table: Mapping[str, Any]) -> dict[str, Value]:
        """Return values of parameters, and of the seed if that is named, each as the job will get it."""
        point = {name: value for name, value in table.items() if name != SEED}
        values = self.values(section, point)
        if SEED in table:
            values[SEED] = self._fit(f"{section}.{SEED}", Exact(int), table[SEED])
        return values

    def _known(self, section: str, name: str) -> Parameter | None:
        for parameter in self._job.parameters:
            if parameter.name == name:
                return parameter
        if name.rpartition(".")[2] == SEED:
            self._report(f"{section}.{name}", "the seed", "it outside the sections: repeats = 3 or seeds = [7, 8]")
            return None
        names = self._job.names
        self._report(
            f"{section}.{name}",
            f"a parameter that {self._job.shown} does not take",
            f"one of {listed(names)}{nearest(name, names)}",
        )
        return None

    def _report(self, key: str, found: str, expected: str) -> None:
        self.problems.append(Problem(key, found, expected))

    def _fit(self, key: str, kind: Kind, value: object, hint: str = "") -> Value:
        try:
            return fitted(kind, value)
        except MismatchError as error:
            near = nearest(value, choices(kind)) if isinstance(value, str) else ""
            self._report(key, describe(value), f"{error}{hint} ({self._job.shown}){near}")
            return None

    def _flat(self, section: str, table: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in flat(self._job, table):
            if name in found:
                self._report(f"{section}.{name}", "it twice", "each key once")
            found[name] = value
        return found


def flat(job: JobSchema, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values of a table; those of a class are dotted, and a table that is a value stays whole."""
    for name, value in table.items():
        if isinstance(value, dict) and any(one.startswith(f"{name}.") for one in job.names):
            yield from flat(job, {f"{name}.{field}": one for field, one in value.items()})
        else:
            yield name, value


def alternatives(kind: Kind) -> tuple[Kind, ...]:
    """Return the kinds of which a value must fit one."""
    return kind.kinds if isinstance(kind, OneOf) else (kind,)


def _takes_any_float(kind: Kind) -> bool:
    return bool({Exact(float), Anything()} & set(alternatives(kind)))


def _takes_any_int(kind: Kind) -> bool:
    return Exact(int) in alternatives(kind)


def _takes(kind: Kind, value: object) -> bool:
    try:
        fitted(kind, value)
    except MismatchError:
        return False
    return True


def _list_of_lists_hint(kind: Kind, value: object) -> str:
    if isinstance(value, list) or not (isinstance(kind, ListOf) or _takes(kind, [value])):
        return ""
    return ", so a list of lists here, such as [[8, 8], [16, 16]]"


def _one_value_hint(value: object) -> str:
    if isinstance(value, list) and value and not isinstance(value[0], list):
        return f", or [grid] for each of {json.dumps(value, default=str)[:40]}"
    return ""
