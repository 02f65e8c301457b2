"""From [[expected]] to runs: each setting is one of the sweep's, and it is known which way each value is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpcsweep.files import canonical_json
from hpcsweep.metrics import Direction, better, declaration
from hpcsweep.sweep.expected import Expectation, Expected, Setting, expectation, places
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.fitting import Fitting
from hpcsweep.sweep.job import JobSchema
from hpcsweep.sweep.matching import condition
from hpcsweep.sweep.runs import Run
from hpcsweep.sweep.space import Space
from hpcsweep.sweep.toml_problems import Problem
from hpcsweep.sweep.value_types import Value, describe

FUNCTIONS = ("epochs_to(", "seconds_to(")  # of these less is better


def match_expected(
    file: SweepFile, job: JobSchema, space: Space, runs: Sequence[Run], directions: Mapping[str, Direction]
) -> tuple[list[Expectation], list[Problem]]:
    """Return what is expected of `runs`, and everything that is wrong with it."""
    fit = Fitting(job)
    found = []
    for number, asked in enumerate(file.expected, 1):
        settings = []
        for place, point in zip(places(asked), asked.points, strict=False):
            key = f"expected #{number}.{place}"
            given = fit.point(key, point)
            if not fit.problems:
                settings.append(_setting(job, space, runs, given))
                fit.problems += _not_one(key, job, runs, settings[-1])
        found.append(expectation(asked, settings))
        fit.problems += _undirected(f"expected #{number}.value", asked, directions)
    return found, fit.problems


def _setting(job: JobSchema, space: Space, runs: Sequence[Run], given: Mapping[str, Value]) -> Setting:
    wanted = condition(job.names, {**space.base, **given})
    return Setting(given, tuple(run.id for run in runs if wanted.meets(run.values, run.seed)))


def _not_one(key: str, job: JobSchema, runs: Sequence[Run], setting: Setting) -> list[Problem]:
    """Return what is wrong if the sweep has no run of the setting, or runs that differ in more than their seeds."""
    if not setting.runs:
        return [Problem(key, "a setting that no run has", "one of the sweep: what differs from its base")]
    ids = set(setting.runs)
    texts = list(dict.fromkeys(tuple(map(canonical_json, run.values)) for run in runs if run.id in ids))
    differing = [
        f"{name} = {text}" for name, text, *more in zip(job.names, *texts, strict=True) if {text} != {text, *more}
    ]
    expected = f"one setting: {', '.join(differing)} as well, or another value"
    return [Problem(key, f"{len(texts)} settings", expected)] if differing else []


def _undirected(key: str, asked: Expected, directions: Mapping[str, Direction]) -> list[Problem]:
    known = asked.is_ is not None or asked.value.startswith(FUNCTIONS) or better(asked.value, directions) is not None
    expected = f"one whose better direction is known; type {declaration(asked.value)}"
    return [] if known else [Problem(key, describe(asked.value), expected)]
