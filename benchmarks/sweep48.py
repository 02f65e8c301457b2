"""A sweep of 48 dense nets from start to table, against a process per run and joblib over runs, both with `model.fit`.

    python benchmarks/sweep48.py [--quick] [--full] [--engines auto stacked]

3 seeds x 1 or 2 layers x 8 or 16 neurons x adam or adagrad x batch 32 x 10 or 50 epochs, on 60,000 generated images
and 10,000 to validate. Everything is counted: imports, compiling, recording, the table. The baselines use one process
a core, pinned to one thread, the fastest way that we know to run them; without --full they are measured on a sample
(each of the 8 nets for 3 epochs, half of them before and half after our run, so that the machine's moods hit both) and
extrapolated: later epochs take the same time, and no core is ever idle, both in the baselines' favour. `cpu` is the
same ratio in processor seconds, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from measuring.baselines import Baseline, Run, Seconds, joblib_over_runs, process_a_run
from measuring.machine import describe
from measuring.study import environment, temporary_study, write_sweep

GRID = {"layers": [1, 2], "neurons": [8, 16], "optimizer": ["adam", "adagrad"]}
SEEDS = [0, 1, 2]
SAMPLE_EPOCHS = 3


def make_data(folder: Path, images: int, validate: int) -> Path:
    """Write the images to a file, as the baselines' users would have them."""
    program = (
        "import sys, numpy; from hpcsweep.data import load;"
        "d = load('synthetic', train=int(sys.argv[2]), validate=int(sys.argv[3]));"
        "numpy.savez(sys.argv[1], x=d.x, y=d.y, x_val=d.x_val, y_val=d.y_val)"
    )
    path = folder / "data.npz"
    command = [sys.executable, "-c", program, str(path), str(images), str(validate)]
    subprocess.run(command, check=True, env=environment())
    return path


def all_runs(data: Path, lengths: list[int]) -> list[Run]:
    """Return the 48 runs as the baselines take them."""
    return [
        {"data": str(data), "seed": seed, "epochs": epochs, **dict(zip(GRID, values, strict=True))}
        for values in itertools.product(*GRID.values())
        for seed in SEEDS
        for epochs in lengths
    ]


def measure_ours(root: Path, engine: str, images: int, validate: int, lengths: list[int]) -> tuple[Seconds, str]:
    """Type `hpcsweep run` on a new store; return its seconds and what its results say."""
    fixed = {"images": images, "validate": validate}
    grid = {**GRID, "epochs": lengths}
    table = {"rows": ["layers", "neurons", "optimizer", "epochs"], "value": ["last_val_accuracy"]}
    path = write_sweep(root, engine, seeds=SEEDS, fixed=fixed, grid=grid, training={"engine": engine}, table=table)
    store = root / f"store-{engine}"
    command = [sys.executable, "-c", "from hpcsweep.cli import main; main()", "run", str(path), "--store", str(store)]
    began = np.array([time.perf_counter(), _children_s()])
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False, env=environment())
    seconds = np.array([time.perf_counter(), _children_s()]) - began
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return seconds, _facts(store)


def _children_s() -> float:
    """Return the processor seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _facts(path: Path) -> str:
    from hpcsweep.store import Store

    results = list(Store(path).results())
    engines = ", ".join(f"{count} {name}" for name, count in Counter(one.facts["engine"] for one in results).items())
    trained_s = sum(float(one.history["seconds"][1:].sum()) for one in _longest(results))
    return f"{len(results)} results ({engines}), {trained_s:.0f} core-seconds in epochs"


def _longest(results: list) -> list:  # type: ignore[type-arg]
    """Return the longest run of each trajectory: its history is that of the shorter ones too."""
    longest = {one.trajectory: one for one in sorted(results, key=lambda one: one.epoch)}
    return list(longest.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the images, 2 and 10 epochs")
    parser.add_argument("--full", action="store_true", help="run the baselines whole (most of an hour)")
    parser.add_argument("--engines", nargs="+", default=["auto", "stacked"], help="engines of our side")
    options = parser.parse_args()
    images, validate = (6_000, 1_000) if options.quick else (60_000, 10_000)
    lengths = [2, 10] if options.quick else [10, 50]
    print(describe(), flush=True)
    with temporary_study() as root:
        runs = all_runs(make_data(root, images, validate), lengths)
        compare(root, runs, images, validate, lengths, options)


def compare(
    root: Path, runs: list[Run], images: int, validate: int, lengths: list[int], options: argparse.Namespace
) -> None:
    """Measure half of the baselines, ours, the other half, and print the ratios."""
    cores = len(os.sched_getaffinity(0))
    sample = runs if options.full else [{**run, "epochs": SAMPLE_EPOCHS} for run in runs[:: len(runs) // 8]]
    single, pooled = Baseline(cores), Baseline(cores)
    half = len(sample) // 8  # runs a net
    halves = [
        [run for net in nets for run in sample[net * half : (net + 1) * half]] for nets in ((0, 3, 5, 6), (1, 2, 4, 7))
    ]
    ours: dict[str, tuple[Seconds, str]] = {}
    for number, half in enumerate(halves):
        if number == 1:
            ours = {name: measure_ours(root, name, images, validate, lengths) for name in options.engines}
        process_a_run(half, lengths, single)
        joblib_over_runs(half, lengths, pooled, root)
    kind = "measured whole" if options.full else f"extrapolated from {len(sample)} runs of {SAMPLE_EPOCHS} epochs"
    print(f"{len(runs)} runs, {images} + {validate} images, {lengths} epochs, batch 32, {cores} processes at a time")
    for name, baseline in (("a process per run, model.fit", single), ("joblib over runs, model.fit", pooled)):
        (wall, processor), epoch = baseline.whole_s(runs), 1000 * np.mean(baseline.epoch_s, axis=0)
        print(
            f"{name:32} {wall:7.1f} s  cpu {processor:7.1f} s   {kind}; {epoch[0]:.0f} ms per epoch, cpu {epoch[1]:.0f}"
        )
    for name, (seconds, facts) in ours.items():
        print(f"{'hpcsweep run, engine ' + name:32} {seconds[0]:7.1f} s  cpu {seconds[1]:7.1f} s   {facts}")
        for other, baseline in (("a process per run", single), ("joblib over runs", pooled)):
            times = baseline.whole_s(runs) / seconds
            print(f"{'  against ' + other:32} {times[0]:7.1f}x  cpu {times[1]:7.1f}x")


if __name__ == "__main__":
    main()
