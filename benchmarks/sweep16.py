"""A sweep of 16 short runs from start to table, against PyTorch and Keras by hand: what starting and compiling cost.

    HPCSWEEP_DATA=data python benchmarks/sweep16.py [--rounds 3] [--pytorch PYTHON] [--profile]

`measuring/sixteen.py` says which runs. All sides use two processes of one thread each, and are measured in turn, with
all that they import; processor time counts, which other work on the machine disturbs less. PyTorch need not be where
hpcsweep is installed: --pytorch names an interpreter that has it. Ours also writes down every epoch, every result and
checkpoints, so that it survives a kill. --profile: instead, where the processor time of one worker goes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measuring import sixteen
from measuring.commands import HPCSWEEP, Took, timed
from measuring.machine import describe
from measuring.study import BENCHMARKS, environment, temporary_study, write_sweep

JOB = "jobs/sixteen_job.py:train"


def sweep_of(root: Path) -> Path:
    """Write the sweep; return its file."""
    shutil.copy(BENCHMARKS / "measuring" / "sixteen_job.py", root / "jobs")
    grid = {"hidden": sixteen.HIDDEN, "optimizer": list(sixteen.OPTIMIZERS)}
    fixed = {"epochs": sixteen.EPOCHS}
    return write_sweep(root, "sixteen", job=JOB, seeds=sixteen.SEEDS, fixed=fixed, grid=grid)


def ours() -> Took:
    """Type `hpcsweep run` in a new study."""
    with temporary_study() as root:
        command = [*HPCSWEEP, "run", str(sweep_of(root)), "--quiet", "--workers", str(sixteen.PROCESSES)]
        return timed(command, root)


def by_hand(library: str, python: str) -> Took:
    """Train the runs without us."""
    return timed([python, "-m", "measuring.sixteen", library], BENCHMARKS)


def main() -> None:
    """Print a row per side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pytorch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    os.environ.update(environment())
    os.environ["HPCSWEEP_DATA"] = str(Path(os.environ.get("HPCSWEEP_DATA", "data")).absolute())
    print(describe(), flush=True)
    if options.profile:
        from measuring import where

        where.main(sweep_of)
    else:
        compare(options.rounds, options.pytorch)


def compare(rounds: int, pytorch: str) -> None:
    """Measure all sides in turn, the first round only for the caches."""
    sides: dict[str, Callable[[], Took]] = {
        "hpcsweep run": ours,
        "Keras, model.fit": partial(by_hand, "keras", sys.executable),
    }
    if subprocess.run([pytorch, "-c", "import torch"], capture_output=True, check=False).returncode:
        print(f"{pytorch} has no PyTorch, which is left out (--pytorch names one that has)")
    else:
        sides["PyTorch by hand"] = partial(by_hand, "pytorch", pytorch)
    taken: dict[str, list[Took]] = {name: [] for name in sides}
    for number in range(1 + rounds):
        for name, side in sides.items():
            took = side()
            if number:
                taken[name].append(took)
    print(f"{rounds} rounds; medians, and the range of the processor seconds")
    base = statistics.median(took.processor_s for took in taken["hpcsweep run"])
    for name, found in taken.items():
        wall, processor = (statistics.median(getattr(one, part) for one in found) for part in ("wall_s", "processor_s"))
        least, most = (pick(one.processor_s for one in found) for pick in (min, max))
        spread = f"({least:.1f} to {most:.1f}), {processor / base:.2f} times ours"
        print(f"{name:18} {wall:6.1f} s  processor {processor:6.1f} s {spread}")


if __name__ == "__main__":
    main()
