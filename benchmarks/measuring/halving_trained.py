"""The 81 settings of `halving.py` trained by hpcsweep: the full grid, or halved; with the processor seconds it took."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hpcsweep.halving.readings import Readings, Values
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.standing import AnyTrajectory, setting_of
from hpcsweep.store import Store
from hpcsweep.sweep.load import load_sweep
from hpcsweep.sweep.runs import group_trajectories
from measuring import mnist
from measuring.study import BENCHMARKS, environment

Scale = tuple[dict[str, list[Any]], list[int]]
SECTION = {"metric": "val_accuracy", "direction": "max", "epochs": mnist.WHOLE[1], "keep": 0.34, "audit": 6}


class Trained(NamedTuple):
    """A sweep in its store, and the processor seconds that it took."""

    sweep: Path
    store: Store
    processor_s: float


def full_grid(root: Path, name: str, repeats: int, scale: Scale) -> Trained:
    """Train all settings to the last rung."""
    grid, rungs = scale
    return _train(root, name, repeats, {"grid": {**grid, "epochs": rungs}})


def halved(root: Path, name: str, repeats: int, scale: Scale, **rules: Any) -> Trained:
    """Train the same settings, halved."""
    grid, rungs = scale
    section = {"metric": SECTION["metric"], "epochs": rungs, "keep": SECTION["keep"], **rules}
    return _train(root, name, repeats, {"grid": grid, "halving": section})


def _train(root: Path, name: str, repeats: int, sections: Mapping[str, Mapping[str, Any]]) -> Trained:
    """Train a sweep by one worker, in a store of its name; what is there already is not trained again."""
    for folder in ("jobs", "sweeps"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(BENCHMARKS / "measuring" / "halving_job.py", root / "jobs")
    lines = [f'name = "{name}"', 'job = "jobs/halving_job.py:train"', f"repeats = {repeats}"]
    for title, section in sections.items():
        lines += [f"[{title}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    path, cost = root / "sweeps" / f"{name}.toml", root / f"{name}.processor_s"
    path.write_text("\n".join([*lines, ""]))
    verb = ["run", str(path), "--store", str(root / name), "--workers", "1", "--quiet"]
    before_s = _children_s()
    command = [sys.executable, "-c", "from hpcsweep.cli import main; main()", *verb]
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)
    if not cost.exists():  # later, there is nothing to train
        cost.write_text(f"{_children_s() - before_s:.0f}\n")
    return Trained(path, Store(root / name), float(cost.read_text()))


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def recorded(trained: Trained, rungs: Sequence[int]) -> list[Values]:
    """Return what the settings that have ended each rung came to, by their ids."""
    settings = defaultdict[str, list[AnyTrajectory]](list)
    for one in group_trajectories(load_sweep(trained.sweep).runs):
        settings[setting_of(one)].append(one)
    readings = Readings(trained.store, Rules.of({**SECTION, "epochs": rungs}), settings)
    return [readings.measured(rung, readings.ended(rung, settings)) for rung in range(len(rungs))]
