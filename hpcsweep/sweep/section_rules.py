"""What the sections of a sweep file must keep among one another: each parameter in one of them, and none missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from hpcsweep.errors import nearest
from hpcsweep.sweep.choices import EPOCHS, SEED
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.fitting import alternatives, flat
from hpcsweep.sweep.job import JobSchema
from hpcsweep.sweep.space import Space
from hpcsweep.sweep.toml_problems import Problem
from hpcsweep.sweep.value_types import Exact, describe, listed

SECTIONS = ("fixed", "grid", "zip", "vary", "across")
WHERE_GIVEN = {
    "": "in [fixed] or a list in [grid]",
    "vary": "in [fixed] or a list in [vary] (what [grid] lists is for the grid's runs only)",
    "case": "in the case or in [fixed]",
}


def broken_rules(file: SweepFile, job: JobSchema, space: Space) -> Iterator[Problem]:
    """Yield what is wrong between the sections of `file`, whose values are those of `space`."""
    yield from _given_twice(file, job)
    yield from _suggested(file, job)
    yield from _lengths(file)
    yield from _missing(job, space)
    yield from _divergence(file, job)
    yield from _table(file, job)
    if file.random and not file.random.specs:
        yield Problem("random", "no parameter", "one such as learning_rate = {low = 1e-4, high = 1e-1, log = true}")


def _given_twice(file: SweepFile, job: JobSchema) -> Iterator[Problem]:
    tables: dict[str, Iterable[str]] = {section: dict(flat(job, getattr(file, section))) for section in SECTIONS}
    tables["random"] = file.random.specs if file.random else ()
    tables["halving"] = [EPOCHS] if file.halving else ()
    tables["suggest.space"] = file.suggest.space if file.suggest else ()
    for one, other in combinations(tables, 2):
        for name in sorted(set(tables[one]) & set(tables[other])):
            yield Problem(f"{other}.{name}", f"it also in [{one}]", "each parameter in one section")
    for number, case in enumerate(file.case, 1):
        for section in ("across", "halving", "suggest.space"):
            for name in sorted(dict(flat(job, case)).keys() & set(tables[section])):
                yield Problem(f"case #{number}.{name}", f"it also in [{section}]", "it in one of the two")
    for number, exclude in enumerate(file.exclude if file.halving else (), 1):
        if EPOCHS in exclude:
            yield Problem(f"exclude #{number}.{EPOCHS}", "it beside [halving]", "none, since every rung is needed")


def _suggested(file: SweepFile, job: JobSchema) -> Iterator[Problem]:
    if file.suggest is None:
        return
    if EPOCHS in file.suggest.space and job.shares_epochs:
        expected = "it in [fixed] or [grid]: a search by a metric would ask for ever more of them"
        yield Problem(f"suggest.space.{EPOCHS}", "a parameter that says how long is trained", expected)
    if file.halving and file.halving.metric != file.suggest.metric:
        expected = f'"{file.suggest.metric}", by which [suggest] goes'
        yield Problem("halving.metric", describe(file.halving.metric), expected)
    if file.expected:
        yield Problem("expected", "it beside [suggest]", "none, since its points are not known before")
    for number, exclude in enumerate(file.exclude, 1):
        for name in sorted(dict(flat(job, exclude)).keys() & file.suggest.space.keys()):
            yield Problem(f"exclude #{number}.{name}", "it also in [suggest.space]", "it in one of the two")


def _lengths(file: SweepFile) -> Iterator[Problem]:
    lengths = {name: len(values) for name, values in file.zip.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} ({name})" for name, length in lengths.items())
        yield Problem("zip", f"lists of different lengths: {found}", "lists of one length")


def _missing(job: JobSchema, space: Space) -> Iterator[Problem]:
    base = set(space.base) | set(space.across) | set(space.suggest)
    if space.has_product:
        yield from _not_given(job, base | set(space.grid) | set(space.zip) | set(space.random), "")
    if space.vary:
        yield from _not_given(job, base, "vary")
    for number, case in enumerate(space.cases, 1):
        yield from _not_given(job, base | set(case), f"case #{number}")


def _not_given(job: JobSchema, given: set[str], section: str) -> Iterator[Problem]:
    where = WHERE_GIVEN[section.split(" ")[0]]
    for parameter in job.parameters:
        if parameter.required and parameter.name not in given:
            key = f"{section}.{parameter.name}" if section else parameter.name
            yield Problem(key, "nothing", f"a value {where}, since {job.shown} needs it")


def _divergence(file: SweepFile, job: JobSchema) -> Iterator[Problem]:
    floats = [one.name for one in job.parameters if Exact(float) in alternatives(one.kind)]
    if file.on_divergence and (name := file.on_divergence.halve) not in floats:
        expected = f"a float parameter of {job.shown}, one of {listed(floats)}"
        yield Problem("on_divergence.halve", describe(name), expected + nearest(name, floats))


def _table(file: SweepFile, job: JobSchema) -> Iterator[Problem]:
    names = (*job.names, SEED)
    for key in ("rows", "cols") if file.table else ():
        for name in getattr(file.table, key):
            if name not in names:
                yield Problem(f"table.{key}", describe(name), f"one of {listed(names)}{nearest(name, names)}")
