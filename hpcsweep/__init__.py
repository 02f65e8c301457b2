"""Parameter sweeps of any Python function on a SLURM cluster or one machine.

Every verb of the command line is a function here:

    import hpcsweep

    sweep = hpcsweep.load_sweep("sweeps/quickstart.toml")
    hpcsweep.plan(sweep)  # what would happen; changes nothing
    hpcsweep.run(sweep)  # train on this machine; hpcsweep.submit(sweep) sends workers to SLURM
    hpcsweep.table(sweep, rows=["layers"], cols=["optimizer"])

They take a sweep file or a loaded sweep, and `store=`; those that read results also take a store's folder. They return
pandas frames, or values that a notebook shows as tables, and raise the errors of `hpcsweep.errors`. They draw nothing:
whatever else they have to tell goes to `say=`, such as `say=print`, or by default to the logger "hpcsweep".

`knee`, `report` and `data` are packages, which scripts and jobs import. Such a package would replace a function of the
same name as soon as somebody imports it. So some verbs have other names here: `find_knee`, `write_report`, and
`list_data`, `fetch_data` and `check_data`. `note` is `add_note`, `tag` is `add_tag`, `schema` is
`sweep_json_schema`, `files` is `kept_files`, `model` is `best_model`, `profile` is `new_profile`, and
`try` is `try_sweep`.

A name is imported when it is first used: jobs import this package for `job_options`, and load nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from hpcsweep import data, errors, figures, knee, report, results, statistics, tables
    from hpcsweep.data.sets import check_data, fetch_data, list_data
    from hpcsweep.figures import plot
    from hpcsweep.knee import find_knee
    from hpcsweep.launch.cancel import cancel
    from hpcsweep.launch.clean import clean
    from hpcsweep.launch.cluster import resume, submit
    from hpcsweep.launch.here import run
    from hpcsweep.launch.logs import logs
    from hpcsweep.launch.merge import merge
    from hpcsweep.launch.migrate import migrate
    from hpcsweep.launch.new_profile import new_profile
    from hpcsweep.launch.pack import pack
    from hpcsweep.launch.plan import plan
    from hpcsweep.launch.preview import batch_script, compare_starts, start_of_workers
    from hpcsweep.launch.remark import add_note, add_tag
    from hpcsweep.launch.scale import scale
    from hpcsweep.launch.standing import Choice
    from hpcsweep.launch.status import known_sweeps, status, watch
    from hpcsweep.launch.study import doctor, init
    from hpcsweep.launch.try_sweep import try_sweep
    from hpcsweep.launch.verify import verify
    from hpcsweep.report import write_report
    from hpcsweep.results import best_model, diff, export, history, kept_files, runs, show
    from hpcsweep.statistics import best
    from hpcsweep.sweep.add_seeds import add_seeds
    from hpcsweep.sweep.load import load_sweep, sweep_json_schema
    from hpcsweep.tables import table

__version__ = "0.1.0"

_MODULES = {
    "data.sets": ("check_data", "fetch_data", "list_data"),
    "figures": ("plot",),
    "knee": ("find_knee",),
    "launch.cancel": ("cancel",),
    "launch.clean": ("clean",),
    "launch.cluster": ("resume", "submit"),
    "launch.here": ("run",),
    "launch.logs": ("logs",),
    "launch.merge": ("merge",),
    "launch.migrate": ("migrate",),
    "launch.new_profile": ("new_profile",),
    "launch.pack": ("pack",),
    "launch.plan": ("plan",),
    "launch.preview": ("batch_script", "compare_starts", "start_of_workers"),
    "launch.remark": ("add_note", "add_tag"),
    "launch.scale": ("scale",),
    "launch.standing": ("Choice",),
    "launch.status": ("known_sweeps", "status", "watch"),
    "launch.study": ("doctor", "init"),
    "launch.try_sweep": ("try_sweep",),
    "launch.verify": ("verify",),
    "report": ("write_report",),
    "results": ("best_model", "diff", "export", "history", "kept_files", "runs", "show"),
    "statistics": ("best",),
    "sweep.add_seeds": ("add_seeds",),
    "sweep.load": ("load_sweep", "sweep_json_schema"),
    "tables": ("table",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_PACKAGES = ("data", "errors", "figures", "knee", "report", "results", "statistics", "tables")

__all__ = [
    "Choice",
    "__version__",
    "add_note",
    "add_seeds",
    "add_tag",
    "batch_script",
    "best",
    "best_model",
    "cancel",
    "check_data",
    "clean",
    "compare_starts",
    "data",
    "diff",
    "doctor",
    "errors",
    "export",
    "fetch_data",
    "figures",
    "find_knee",
    "history",
    "init",
    "job_options",
    "kept_files",
    "knee",
    "known_sweeps",
    "list_data",
    "load_sweep",
    "logs",
    "merge",
    "migrate",
    "new_profile",
    "pack",
    "plan",
    "plot",
    "report",
    "results",
    "resume",
    "run",
    "runs",
    "scale",
    "show",
    "start_of_workers",
    "statistics",
    "status",
    "submit",
    "sweep_json_schema",
    "table",
    "tables",
    "try_sweep",
    "verify",
    "watch",
    "write_report",
]

Function = TypeVar("Function", bound=Callable[..., Any])


def job_options(*, shares_epochs: bool = True) -> Callable[[Function], Function]:
    """Declare how a job may be run; the function itself is returned unchanged.

    `shares_epochs=False`: the job depends on the total of its `epochs`, as with a learning rate that decays towards the
    last epoch. So a run of 10 epochs is not the start of one of 50, and each is trained from its own fresh model.
    The planner reads the decorator from the job's text, without importing the job, so write True or False.
    """

    def unchanged(function: Function) -> Function:
        return function

    return unchanged


if not TYPE_CHECKING:  # to a type checker a module with __getattr__ has every name, also a mistyped one

    def __getattr__(name: str) -> Any:
        """Import a name when it is first used (PEP 562)."""
        if name in _PACKAGES:
            return importlib.import_module(f"hpcsweep.{name}")
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'hpcsweep' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"hpcsweep.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Return all names, imported or not."""
    return sorted({*globals(), *__all__})
