"""A new study, and whether a cluster or this machine can train it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from hpcsweep.errors import MissingPackageError, UsageError
from hpcsweep.launch.html import page, table_of
from hpcsweep.slurm.asking.probe import Finding, Level
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.store import Store, locate_store
from hpcsweep.store.opening import StoreSource
from hpcsweep.sweep.profile import load_profile

SHIPPED = (
    "jobs/dense_classifier.py",
    "jobs/function_example.py",
    "jobs/profiles/rosie.toml",
    "jobs/profiles/slurm.toml",
    "sweeps/quickstart.toml",
    "sweeps/function_example.toml",
    "analysis/quickstart.py",
)


@dataclass(frozen=True)
class Examination:
    """What `doctor` found, in the order in which a submission would meet it."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing would keep a sweep from running."""
        return all(finding.level != Level.FAULT for finding in self.findings)

    def _repr_html_(self) -> str:
        rows = [(finding.level, finding.what, finding.advice) for finding in self.findings]
        return page("can run sweeps" if self.ok else "cannot run sweeps", table_of(("", "what", "advice"), rows))


def init(folder: str | Path = ".") -> list[Path]:
    """Make `folder` a study: jobs/ with profiles, sweeps/ and analysis/, each with a working example; return the files.

    Nothing that exists is overwritten: a UsageError names the file that is in the way.
    """
    folder = Path(folder)
    source = _shipped_study()
    there = [name for name in SHIPPED if (folder / name).exists()]
    if there:
        raise UsageError(f"{folder / there[0]} exists already; expected a new folder; type: hpcsweep init NEW_DIR")
    for name in SHIPPED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)
    return [folder / name for name in SHIPPED]


def doctor(profile: str = "local", *, store: StoreSource = None, probe: bool = False) -> Examination:
    """Examine SLURM, partition and limits, the store's file system, Python, Keras, its backends and GPUs.

    `profile` is one of the study in the working folder. With `probe` it also looks at a node, with a one-minute job.
    """
    root = Path.cwd()
    loaded = load_profile(root, profile)
    folder = store.root if isinstance(store, Store) else locate_store(store, root, loaded.store)
    return Examination(tuple(SLURM.examine(loaded, folder, probe=probe)))


def _shipped_study() -> Path:
    """Return the folder with this project's own study: that of the checkout, or the installed copy of its files."""
    for folder in (Path(__file__).parents[2], Path(sys.prefix) / "share" / "hpcsweep"):
        if all((folder / name).exists() for name in SHIPPED):
            return folder
    raise MissingPackageError(
        "this installation came without its example study; expected share/hpcsweep; install again"
    )
