"""Planning a million runs: seconds and peak memory, against json.dumps and sha256 of a dict per run.

    python benchmarks/plan_million.py [--repeats 3]

Both sides name every run and its trajectory and group them; they are measured alternately, each time in a new
process, since the machine's speed changes from minute to minute: the ratio of a pair says more than the seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

JOB = """
def train(run, *, layers: int, neurons: int, optimizer: str = "adam", epochs: int,
          learning_rate: float = 0.001, batch_size: int = 32, dataset: str = "digits"): ...
"""
GRID: dict[str, list[Any]] = {
    "layers": list(range(1, 11)),
    "neurons": list(range(8, 168, 8)),
    "optimizer": ["adam", "sgd", "adagrad", "rmsprop"],
    "epochs": [10, 50, 100, 500, 1000],
    "learning_rate": [0.1, 0.03, 0.01, 0.003, 0.001],
    "batch_size": [8, 16, 32, 64, 128],
}
DEFAULTS = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 32, "dataset": "digits"}
SEEDS = 10
REFERENCE = "jobs/job.py:train"
MEGABYTE = 1024  # ru_maxrss is in KiB on Linux


def plan_with_hpcsweep() -> int:
    from hpcsweep.launch.plan import make_plan
    from hpcsweep.sweep.load import load_sweep

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "jobs").mkdir()
        (root / "jobs" / "job.py").write_text(JOB, encoding="utf-8")
        lines = [f"{name} = {json.dumps(values)}" for name, values in GRID.items()]
        text = f'name = "million"\njob = "{REFERENCE}"\nrepeats = {SEEDS}\n[grid]\n' + "\n".join(lines)
        (root / "million.toml").write_text(text, encoding="utf-8")
        plan = make_plan(load_sweep(root / "million.toml"), {})
    return plan.counts["new"] * len(plan.trajectories)


def plan_naively() -> int:
    """Name each run by json.dumps of a dict of its own, kept for the plan."""
    runs = []
    trajectories: dict[str, list[str]] = {}
    for combination in itertools.product(*GRID.values()):
        params = {**DEFAULTS, **dict(zip(GRID, combination, strict=True))}
        for seed in range(SEEDS):
            given = {name: value for name, value in params.items() if DEFAULTS.get(name) != value}
            run_id = _digest({"job": REFERENCE, "params": given, "seed": seed})
            given.pop("epochs")
            trajectory = _digest({"job": REFERENCE, "params": given, "seed": seed, "trajectory": True})
            runs.append({"id": run_id, "seed": seed, "params": dict(params), "trajectory": trajectory})
            trajectories.setdefault(trajectory, []).append(run_id)
    return len(runs) * len(trajectories)


def _digest(meaning: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(meaning, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


SIDES: dict[str, Callable[[], int]] = {"hpcsweep": plan_with_hpcsweep, "json+sha256": plan_naively}


def measure_here(side: str) -> None:
    """Print what one side takes in this process: seconds with the imports, peak MB, and a number to compare."""
    started_s = time.perf_counter()
    check = SIDES[side]()
    seconds = time.perf_counter() - started_s
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE, check]))


def measure(side: str) -> tuple[float, float, int]:
    command = [sys.executable, __file__, "--side", side]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, megabytes, check = json.loads(done.stdout)
    return seconds, megabytes, check


def main() -> None:
    """Measure both sides alternately and print a line each and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of measurements")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure_here(options.side)
        return
    ratios = []
    for _ in range(options.repeats):
        ours, naive = (measure(side) for side in SIDES)
        if ours[2] != naive[2]:
            sys.exit(f"the two sides disagree: {ours[2]} and {naive[2]}")
        ratios.append(naive[0] / ours[0])
        print(f"hpcsweep {ours[0]:5.2f} s {ours[1]:5.0f} MB   json+sha256 {naive[0]:5.2f} s {naive[1]:5.0f} MB")
    print(f"1,000,000 runs: {statistics.median(ratios):.1f} times as fast (median of {options.repeats} pairs)")


if __name__ == "__main__":
    main()
