"""How time, files and opens of `status` and `table` grow with the number of finished runs in a packed store.

    python benchmarks/packed_store.py [--runs 1000 10000 100000] [--epochs 20] [--loose]

For each size: a store is filled through the store's own writers and packed every 1,000 runs, as workers pack it. Then
`status`, the first `table` and the next one are run as commands, each in a process of its own: processor time, and the
opens that strace counts, if there is a strace. With --loose the same store is measured before it is packed, too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hpcsweep.code.version import version_of
from hpcsweep.store import Result, Store
from hpcsweep.store.adopt import adopt
from hpcsweep.store.made_by import NO_DATA, Made, keep_version
from hpcsweep.store.packing import pack_all
from hpcsweep.sweep.load import Sweep, load_sweep

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")
COMMAND = (sys.executable, "-c", "from hpcsweep.cli import main; main()")
EVERY = 1_000  # runs, after which the store is packed
JOB = "def train(run, *, layers: int, rate: float, epochs: int):\n    pass\n"
SWEEP = """
name = "many"
job = "jobs/many.py:train"
[fixed]
epochs = {epochs}
[grid]
layers = {layers}
rate = {rates}
"""


def study(folder: Path, runs: int, epochs: int) -> Sweep:
    """Write a study whose sweep has `runs` runs, 10 of each of two parameters or more."""
    for name in ("jobs", "sweeps"):
        (folder / name).mkdir()
    (folder / "jobs" / "many.py").write_text(JOB)
    layers, rates = list(range(1, 11)), [round(0.001 * n, 6) for n in range(1, runs // 10 + 1)]
    (folder / "sweeps" / "many.toml").write_text(SWEEP.format(epochs=epochs, layers=layers, rates=rates))
    return load_sweep(folder / "sweeps" / "many.toml")


def results(sweep: Sweep, epochs: int) -> Iterator[Result]:
    """Yield a made-up result of each run of a sweep."""
    chance = np.random.default_rng(0)
    code = version_of(sweep.code_files()).sha256
    facts = {"time_s": 1.0, "device": "cpu", "engine": "compiled", "commit": "0" * 40, "code_sha256": code}
    for run in sweep.runs:
        history = {"epoch": np.arange(epochs + 1), **{name: chance.random(epochs + 1) for name in METRICS}}
        last = {name: float(history[name][-1]) for name in METRICS[:4]}
        params = dict(run.params)
        yield Result(
            run.id, run.trajectory, sweep.job.reference, run.seed, params, "done", epochs, last, facts, history
        )


def build(sweep: Sweep, store: Store, epochs: int, *, packs: bool) -> None:
    """Fill a store, and pack it now and then."""
    version = version_of(sweep.code_files())
    keep_version(store.layout, version)
    for number, made in enumerate(results(sweep, epochs), 1):
        params = {name: value for name, value in made.params.items() if name != "epochs"}
        adopt(store, made, params, Made(version.sha256[:16], NO_DATA[:16]))
        if packs and number % EVERY == 0:
            pack_all(store)


def files_in(root: Path) -> int:
    """Return how many files and folders there are."""
    return sum(1 for _ in root.rglob("*"))


def seconds_of(folder: Path, *words: str) -> float:
    """Return the processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*COMMAND, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def opens_of(folder: Path, *words: str) -> int | None:
    """Return how many files of the store a command opens, None without strace."""
    if shutil.which("strace") is None:
        return None
    trace = folder / "trace.txt"
    traced = ["strace", "-f", "-e", "trace=open,openat", "-o", str(trace), *COMMAND, *words]
    subprocess.run(traced, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return sum(str(folder / "results") in line for line in trace.read_text().splitlines())


def measure(folder: Path, runs: int, how: str) -> None:
    """Print a line of the table."""
    files = files_in(folder / "results")
    shutil.rmtree(folder / "results" / "cache", ignore_errors=True)
    table = ("table", "sweeps/many.toml", "--rows", "layers", "--pool", "rate", "--value", "last_val_accuracy")
    status_s = seconds_of(folder, "status", "sweeps/many.toml")
    first_s = seconds_of(folder, *table)
    again_s = seconds_of(folder, *table)
    opens = [opens_of(folder, "status", "sweeps/many.toml"), opens_of(folder, *table)]
    print(
        f"{runs:>7} runs, {how:6}: {files:>7} files and folders; processor time: status {status_s:6.2f} s, "
        f"table {first_s:6.2f} s, again {again_s:6.2f} s; opens in the store: {opens[0]} and {opens[1]}",
        flush=True,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", nargs="+", type=int, default=[1_000, 10_000])
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--loose", action="store_true", help="measure it before it is packed, too")
    chosen = options.parse_args()
    os.fsync = lambda descriptor: None  # type: ignore[assignment]  # building is not what is measured
    for runs in chosen.runs:
        with tempfile.TemporaryDirectory(prefix="hpcsweep-packed-") as name:
            folder = Path(name).resolve()
            sweep = study(folder, runs, chosen.epochs)
            store = Store(folder / "results", probes=True)
            store.create()
            build(sweep, store, chosen.epochs, packs=not chosen.loose)
            if chosen.loose:
                measure(folder, runs, "loose")
                pack_all(store)
            measure(folder, runs, "packed")


if __name__ == "__main__":
    main()
