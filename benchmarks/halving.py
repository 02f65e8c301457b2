"""Successive halving against the full grid: 81 settings of a dense net, 3 seeds, on 10,000 images of MNIST.

    HPCSWEEP_DATA=data python benchmarks/halving.py FOLDER

Trains the full grid in FOLDER (about 15 processor minutes; what is there already is not trained again), then replays
the rules on its recorded runs, 200 times with seeds drawn with replacement: how often the best setting of the grid is
in the final set, how much less is trained, and what an audit of 6 stopped settings estimates, beside the truth.
`measuring/halving_peers.py` trains the same settings by Optuna, keras-tuner or Ray, where they are installed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

from measuring import mnist
from measuring.halving_simulated import repeat
from measuring.machine import describe
from measuring.study import BENCHMARKS, environment

from hpcsweep.halving.readings import Readings, Values
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.standing import AnyTrajectory, setting_of
from hpcsweep.store import Store
from hpcsweep.sweep.load import load_sweep
from hpcsweep.sweep.runs import group_trajectories

SECTION = {"metric": "val_accuracy", "direction": "max", "epochs": [3, 9, 27, 81], "keep": 0.34, "audit": 6}
VARIANTS: list[dict[str, Any]] = [{}, {"at_least": 6}, {"at_least": 9}, {"keep": 0.5}]
TIMES = 200


def full_grid(root: Path) -> Path:
    """Train the full grid with one worker and return its sweep file."""
    for folder in ("jobs", "sweeps"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(BENCHMARKS / "measuring" / "halving_job.py", root / "jobs")
    grid = {**mnist.GRID, "epochs": SECTION["epochs"]}
    lines = ['name = "full"', 'job = "jobs/halving_job.py:train"', "repeats = 3", "[grid]"]
    path = root / "sweeps" / "full.toml"
    path.write_text("\n".join([*lines, *(f"{name} = {json.dumps(values)}" for name, values in grid.items()), ""]))
    verb = ["run", str(path), "--store", str(root / "full"), "--workers", "1", "--quiet"]
    subprocess.run(
        [sys.executable, "-c", "from hpcsweep.cli import main; main()", *verb], check=True, env=environment()
    )
    return path


def recorded(sweep_path: Path, store: Store) -> list[Values]:
    """Return what all settings came to at each rung."""
    settings = defaultdict[str, list[AnyTrajectory]](list)
    for one in group_trajectories(load_sweep(sweep_path).runs):
        settings[setting_of(one)].append(one)
    readings = Readings(store, Rules.of(SECTION), settings)
    return [readings.measured(rung, settings) for rung in range(len(SECTION["epochs"]))]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the full grid is trained, and kept")
    root = parser.parse_args().folder
    print(describe(), flush=True)
    rungs = recorded(full_grid(root), Store(root / "full"))
    print("order      rules            best kept  times less  accuracy lost  audit says missed  truth")
    for order in ("rounds", "as ready"):
        for given in VARIANTS:
            rules = Rules.of({**SECTION, "order": order, **given})
            found = repeat(rungs, rules, TIMES, len(rungs[0]))
            told = ", ".join(f"{name} {value}" for name, value in given.items()) or "keep 0.34"
            print(
                f"{order:<10} {told:<16} {mean(one.kept_best for one in found):9.2f} "
                f"{1 / mean(one.part_trained for one in found):11.1f} {mean(one.lost_accuracy for one in found):14.4f} "
                f"{mean(one.audit_estimate for one in found):18.1f} {mean(one.truly_missed for one in found):6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
