"""From a sweep file's sections to the parameter space in the job's terms, and all that is wrong with it."""

from __future__ import annotations

from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.file import SweepFile
from hpcsweep.sweep.fitting import Fitting
from hpcsweep.sweep.job import JobSchema
from hpcsweep.sweep.section_rules import broken_rules
from hpcsweep.sweep.space import Space
from hpcsweep.sweep.toml_problems import Problem
from hpcsweep.sweep.value_types import Exact, Value


def resolve(file: SweepFile, job: JobSchema) -> tuple[Space, list[Problem]]:
    """Return the parameter space of `file` in the terms of `job`, and everything that is wrong with it.

    The space is valid only if nothing is wrong.
    """
    fit = Fitting(job)
    space = Space(
        fixed=fit.values("fixed", file.fixed),
        grid=fit.lists("grid", file.grid),
        zip=fit.lists("zip", file.zip),
        vary=fit.lists("vary", file.vary),
        across={**fit.lists("across", file.across), **_rungs(file, job, fit)},
        cases=[fit.values(f"case #{n}", case) for n, case in enumerate(file.case, 1)],
        excludes=[fit.point(f"exclude #{n}", one) for n, one in enumerate(file.exclude, 1)],
        random=fit.draws("random", file.random.specs if file.random else {}),
        suggest=fit.draws("suggest.space", file.suggest.space if file.suggest else {}),
        samples=file.random.samples if file.random else 0,
        sample_seed=file.random.sample_seed if file.random else 0,
        seeds=file.all_seeds,
    )
    return space, [*fit.problems, *broken_rules(file, job, space)]


def _rungs(file: SweepFile, job: JobSchema, fit: Fitting) -> dict[str, list[Value]]:
    """Return the epochs of [halving], which are crossed with everything."""
    if file.halving is None:
        return {}
    if not job.shares_epochs:
        what = "a job whose longer runs do not go on from shorter ones"
        fit.problems.append(Problem("halving", what, f"one that takes epochs and shares them ({job.shown})"))
        return {}
    return {EPOCHS: fit.fit_all("halving.epochs", Exact(int), file.halving.epochs)}
