"""How fast a table and a history frame are read, against `pandas.concat` over one CSV a run, in one run.

    python benchmarks/results.py [--quick]

Prints for each size: the baseline, the first reading (no cache), the next (from the cache), the ratios, peak memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpcsweep import results
from hpcsweep.files import canonical_json, sha256_hex
from hpcsweep.results import cache
from hpcsweep.store import Result, Store
from hpcsweep.store.results import publish_result
from hpcsweep.tables import render, table

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")


def build(folder: Path, runs: int, epochs: int) -> None:
    os.fsync = lambda descriptor: None  # type: ignore[assignment]  # building is not what is measured
    store = Store(folder / "results")
    store.create()
    (folder / "csv").mkdir()
    rng = np.random.default_rng(0)
    for number in range(runs):
        history = {"epoch": np.arange(epochs + 1), **{name: rng.random(epochs + 1) for name in METRICS}}
        params = {
            "layers": number // 3 % 10,
            "neurons": number // 30 % 34,
            "optimizer": ("adam", "sgd")[number // 1020 % 2],
        }
        params["learning_rate"] = float(number // 2040)
        meaning = sha256_hex(canonical_json([params, number % 3]).encode())
        facts = {"time_s": 1.0, "device": "cpu", "engine": "compiled", "commit": "0" * 40, "job_sha256": "1" * 64}
        made = Result(meaning, meaning, "jobs/a.py:train", number % 3, params, "done", epochs, {}, facts, history)
        place = store.folder(meaning)
        place.path.mkdir(parents=True)
        publish_result(place, made, 1)
        pd.DataFrame(history).assign(id=meaning, **params).to_csv(folder / "csv" / f"{number}.csv", index=False)


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def baseline(folder: Path) -> pd.DataFrame:
    return pd.concat([pd.read_csv(path) for path in sorted((folder / "csv").iterdir())], ignore_index=True)


def baseline_table(folder: Path) -> pd.DataFrame:
    frame = baseline(folder)
    last = frame[frame["epoch"] >= 1].groupby("id").last()
    return last.groupby(["layers", "neurons", "optimizer"])["val_accuracy"].agg(["mean", "std", "count"])


def our_table(folder: Path) -> str:
    made = table(folder / "results", rows=["neurons", "optimizer"], cols=["layers"], values=["last_val_accuracy"])
    return render(made, "json")


def our_history(folder: Path) -> pd.DataFrame:
    return results.history(folder / "results")


TASKS = {"table": (baseline_table, our_table), "history": (baseline, our_history)}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(task: str, runs: int, epochs: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="hpcsweep-benchmark-"))
    try:
        build(folder, runs, epochs)
        plain, ours = TASKS[task]
        store = Store(folder / "results")
        our_table(folder)  # both sides warm: imports and the page cache
        pd.read_csv(next((folder / "csv").iterdir()))
        cache.clear(store.layout.cache)
        first_s, _ = timed(lambda: ours(folder))
        next_s = min(timed(lambda: ours(folder))[0] for _ in range(3))
        ours_mb = peak_mb()
        base_s, _ = timed(lambda: plain(folder))
        base_mb = peak_mb()
    finally:
        shutil.rmtree(folder)
    print(
        f"{task:8} {runs:>6} runs x {epochs:>5} epochs: pandas.concat of CSVs {base_s:6.2f} s; "
        f"first {first_s:5.2f} s ({base_s / first_s:4.1f}x as fast); "
        f"from the cache {next_s:5.2f} s ({base_s / next_s:5.1f}x as fast)\n"
        f"         peak memory of the process: {ours_mb:.0f} MB with ours alone, {base_mb:.0f} MB after the baseline"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a tenth of the runs")
    options.add_argument("--one", nargs=3, metavar=("TASK", "RUNS", "EPOCHS"))
    chosen = options.parse_args()
    if chosen.one:
        measure(chosen.one[0], int(chosen.one[1]), int(chosen.one[2]))
        return
    shrink = 10 if chosen.quick else 1
    for task, runs, epochs in (("table", 10_000, 100), ("history", 1_000, 1_000)):
        # a process each, so that the peak memory is its own
        subprocess.run([sys.executable, __file__, "--one", task, str(runs // shrink), str(epochs)], check=True)


if __name__ == "__main__":
    main()
