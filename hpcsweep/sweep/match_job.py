"""From a sweep file's sections to the job's terms: every name is known, every value fits, and none is missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from hpcsweep.errors import nearest
from hpcsweep.sweep.choices import EPOCHS, SEED
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.job import JobSchema, Parameter
from hpcsweep.sweep.points import RandomSpec
from hpcsweep.sweep.sampling import Draw
from hpcsweep.sweep.space import Space
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

SECTIONS = ("fixed", "grid", "zip", "vary", "across")
WHERE_GIVEN = {
    "": "in [fixed] or a list in [grid]",
    "vary": "in [fixed] or a list in [vary] (what [grid] lists is for the grid's runs only)",
    "case": "in the case or in [fixed]",
}
LARGEST_EXACT = 2**53  # above this a float cannot hold every whole number


class Resolver:
    """Reads the sections of one file against one job, and collects what is wrong."""

    def __init__(self, file: SweepFile, job: JobSchema) -> None:
        self._file = file
        self._job = job
        self.problems: list[Problem] = []

    def space(self) -> Space:
        """Return the parameter space; it is valid only if `problems` is empty afterwards."""
        file = self._file
        space = Space(
            fixed=self._values("fixed", file.fixed),
            grid=self._lists("grid", file.grid),
            zip=self._lists("zip", file.zip),
            vary=self._lists("vary", file.vary),
            across={**self._lists("across", file.across), **self._rungs()},
            cases=[self._values(f"case #{n}", case) for n, case in enumerate(file.case, 1)],
            excludes=[self.point(f"exclude #{n}", one) for n, one in enumerate(file.exclude, 1)],
            random=self._draws("random", file.random.specs if file.random else {}),
            suggest=self._draws("suggest.space", file.suggest.space if file.suggest else {}),
            samples=file.random.samples if file.random else 0,
            sample_seed=file.random.sample_seed if file.random else 0,
            seeds=file.all_seeds,
        )
        self._check_given_once()
        self._check_suggested()
        self._check_lengths()
        self._check_complete(space)
        self._check_options()
        if file.random and not file.random.specs:
            self._report("random", "no parameter", "one such as learning_rate = {low = 1e-4, high = 1e-1, log = true}")
        return space

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

    def _values(self, section: str, table: Mapping[str, Any]) -> dict[str, Value]:
        table = self._flat(table)
        known = {name: self._known(section, name) for name in table}
        return {
            name: self._fit(f"{section}.{name}", parameter.kind, table[name], _one_value_hint(table[name]))
            for name, parameter in known.items()
            if parameter
        }

    def _flat(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return a section in which the fields of a class have dotted names; the table of a parameter stays whole."""
        found: dict[str, Any] = {}
        for name, value in table.items():
            is_class = isinstance(value, dict) and any(one.startswith(f"{name}.") for one in self._job.names)
            fields = self._flat({f"{name}.{field}": one for field, one in value.items()}) if is_class else {name: value}
            for twice in found.keys() & fields.keys():
                self._report(twice, "it twice", "each key once")
            found |= fields
        return found

    def _lists(self, section: str, table: Mapping[str, list[Any]]) -> dict[str, list[Value]]:
        known = {name: self._known(section, name) for name in table}
        return {
            name: self._fit_all(f"{section}.{name}", parameter.kind, table[name])
            for name, parameter in known.items()
            if parameter
        }

    def _fit_all(self, key: str, kind: Kind, values: Iterable[Any]) -> list[Value]:
        before = len(self.problems)
        fitting = []
        for value in values:
            fitting.append(self._fit(key, kind, value, _list_of_lists_hint(kind, value)))
            if len(self.problems) > before:  # one fault per list is enough to report
                break
        return fitting

    def _rungs(self) -> dict[str, list[Value]]:
        """Return the epochs of [halving], which are crossed with everything."""
        if self._file.halving is None:
            return {}
        if not self._job.shares_epochs:
            what = "a job whose longer runs do not go on from shorter ones"
            self._report("halving", what, f"one that takes epochs and shares them ({self._job.shown})")
            return {}
        return {EPOCHS: self._fit_all("halving.epochs", Exact(int), self._file.halving.epochs)}

    def point(self, section: str, table: Mapping[str, Any]) -> dict[str, Value]:
        """Return values of parameters, and of the seed if that is named, each as the job will get it."""
        point = {name: value for name, value in table.items() if name != SEED}
        values = self._values(section, point)
        if SEED in table:
            values[SEED] = self._fit(f"{section}.{SEED}", Exact(int), table[SEED])
        return values

    def _draws(self, section: str, specs: Mapping[str, RandomSpec]) -> dict[str, Draw]:
        known = {name: self._known(section, name) for name in specs}
        return {
            name: self._draw(f"{section}.{name}", parameter.kind, specs[name])
            for name, parameter in known.items()
            if parameter
        }

    def _draw(self, key: str, kind: Kind, spec: RandomSpec) -> Draw:
        if spec.choice is not None:
            return Draw(kind, choices=tuple(self._fit_all(f"{key}.choice", kind, spec.choice)))
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

    def _check_given_once(self) -> None:
        file = self._file
        tables: dict[str, Iterable[str]] = {section: self._flat(getattr(file, section)) for section in SECTIONS}
        tables["random"] = file.random.specs if file.random else ()
        tables["halving"] = [EPOCHS] if file.halving else ()
        tables["suggest.space"] = file.suggest.space if file.suggest else ()
        for one, other in combinations(tables, 2):
            for name in set(tables[one]) & set(tables[other]):
                self._report(f"{other}.{name}", f"it also in [{one}]", "each parameter in one section")
        for number, case in enumerate(file.case, 1):
            for section in ("across", "halving", "suggest.space"):
                for name in self._flat(case).keys() & set(tables[section]):
                    self._report(f"case #{number}.{name}", f"it also in [{section}]", "it in one of the two")

        for number, exclude in enumerate(file.exclude if file.halving else (), 1):
            if EPOCHS in exclude:
                self._report(f"exclude #{number}.{EPOCHS}", "it beside [halving]", "none, since every rung is needed")

    def _check_suggested(self) -> None:
        file = self._file
        if file.suggest is None:
            return
        if EPOCHS in file.suggest.space and self._job.shares_epochs:
            expected = "it in [fixed] or [grid]: a search by a metric would ask for ever more of them"
            self._report(f"suggest.space.{EPOCHS}", "a parameter that says how long is trained", expected)
        if file.halving and file.halving.metric != file.suggest.metric:
            expected = f'"{file.suggest.metric}", by which [suggest] goes'
            self._report("halving.metric", describe(file.halving.metric), expected)
        if file.expected:
            self._report("expected", "it beside [suggest]", "none, since its points are not known before")
        for number, exclude in enumerate(file.exclude, 1):
            for name in self._flat(exclude).keys() & file.suggest.space.keys():
                self._report(f"exclude #{number}.{name}", "it also in [suggest.space]", "it in one of the two")

    def _check_lengths(self) -> None:
        lengths = {name: len(values) for name, values in self._file.zip.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{length} ({name})" for name, length in lengths.items())
            self._report("zip", f"lists of different lengths: {found}", "lists of one length")

    def _check_complete(self, space: Space) -> None:
        needed = [parameter.name for parameter in self._job.parameters if parameter.required]
        base = set(space.base) | set(space.across) | set(space.suggest)
        product = base | set(space.grid) | set(space.zip) | set(space.random)
        if space.has_product:
            self._check_given(needed, product, "")
        if space.vary:
            self._check_given(needed, base, "vary")
        for number, case in enumerate(space.cases, 1):
            self._check_given(needed, base | set(case), f"case #{number}")

    def _check_given(self, needed: Iterable[str], given: set[str], section: str) -> None:
        for name in needed:
            if name not in given:
                key = f"{section}.{name}" if section else name
                where = WHERE_GIVEN[section.split(" ")[0]]
                self._report(key, "nothing", f"a value {where}, since {self._job.shown} needs it")

    def _check_options(self) -> None:
        if self._file.on_divergence:
            self._check_halved(self._file.on_divergence.halve)
        if self._file.table:
            names = (*self._job.names, SEED)
            for key in ("rows", "cols"):
                for name in getattr(self._file.table, key):
                    if name not in names:
                        self._report(f"table.{key}", describe(name), f"one of {listed(names)}{nearest(name, names)}")

    def _check_halved(self, name: str) -> None:
        floats = [one.name for one in self._job.parameters if Exact(float) in _alternatives(one.kind)]
        if name not in floats:
            expected = f"a float parameter of {self._job.shown}, one of {listed(floats)}"
            self._report("on_divergence.halve", describe(name), expected + nearest(name, floats))


def resolve(file: SweepFile, job: JobSchema) -> tuple[Space, list[Problem]]:
    """Return the parameter space of `file` in the terms of `job`, and everything that is wrong with it."""
    resolver = Resolver(file, job)
    return resolver.space(), resolver.problems


def _alternatives(kind: Kind) -> tuple[Kind, ...]:
    return kind.kinds if isinstance(kind, OneOf) else (kind,)


def _takes_any_float(kind: Kind) -> bool:
    return bool({Exact(float), Anything()} & set(_alternatives(kind)))


def _takes_any_int(kind: Kind) -> bool:
    return Exact(int) in _alternatives(kind)


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
