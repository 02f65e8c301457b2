"""The 48 runs by `model.fit`: a process per run, and joblib over runs. Measured on a sample, or whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from measuring.machine import ONE_THREAD
from measuring.study import environment

Run = dict[str, Any]


Seconds = np.ndarray
"""Wall seconds and processor seconds."""


@dataclass
class Baseline:
    """One way to do the runs, `cores` processes at a time."""

    cores: int
    start_s: Seconds = field(default_factory=lambda: np.zeros(2))
    run_s: dict[str, list[Seconds]] = field(default_factory=dict)
    epoch_s: list[Seconds] = field(default_factory=list)

    def whole_s(self, runs: list[Run]) -> Seconds:
        """Return what all `runs` take, from those measured of the same net and length; no core is ever idle."""
        total = sum((np.mean(self.run_s[_kind(run)], axis=0) for run in runs), np.zeros(2))
        return self.start_s + total / [self.cores, 1]

    def take(self, run: Run, seconds: Any, epochs_s: Any, lengths: list[int]) -> None:
        """Learn from one measured run how long such runs are; if it is only a sample, of all `lengths`."""
        steady = np.mean(epochs_s[1:] or epochs_s, axis=0)
        self.epoch_s.append(steady)
        for epochs in [run["epochs"]] if run["epochs"] in lengths else lengths:
            known = self.run_s.setdefault(_kind({**run, "epochs": epochs}), [])
            known.append(np.asarray(seconds) + (epochs - run["epochs"]) * steady)


def process_a_run(runs: list[Run], lengths: list[int], baseline: Baseline) -> None:
    """Measure runs in processes of their own, one per core at a time, pinned, one thread each."""
    cores = sorted(os.sched_getaffinity(0))[: baseline.cores]

    def on(core: int) -> None:
        for run in runs[core :: len(cores)]:
            began = time.perf_counter()
            command = [sys.executable, "-m", "measuring.plain_run", json.dumps({**run, "core": cores[core]})]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
            if done.returncode:
                raise SystemExit(done.stderr)
            seconds = time.perf_counter() - began
            answer = json.loads(done.stdout)
            baseline.take(run, [seconds, answer["whole_processor_s"]], answer["epochs_s"], lengths)

    with ThreadPoolExecutor(len(cores)) as threads:
        list(threads.map(on, range(len(cores))))


def joblib_over_runs(runs: list[Run], lengths: list[int], baseline: Baseline, folder: Path) -> None:
    """Measure runs through joblib in processes that import once, one thread each."""
    (folder / "runs.json").write_text(json.dumps(runs), encoding="utf-8")
    program = (
        "import json, sys; from joblib import Parallel, delayed; from measuring.plain_run import train;"
        "runs = json.load(open(sys.argv[1])); cores = int(sys.argv[2]);"
        "print(json.dumps(Parallel(n_jobs=cores)(delayed(train)(run) for run in runs)))"
    )
    began = time.perf_counter()
    command = [sys.executable, "-c", program, str(folder / "runs.json"), str(baseline.cores)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds = time.perf_counter() - began
    answers = json.loads(done.stdout)
    for run, answer in zip(runs, answers, strict=True):
        baseline.take(run, answer["run_s"], answer["epochs_s"], lengths)
    busy_s: dict[int, float] = {}
    imports_s: dict[int, float] = {}  # processor seconds before the first run of each process
    for answer in answers:
        process, (run_s, run_processor_s) = answer["process"], answer["run_s"]
        busy_s[process] = busy_s.get(process, 0.0) + run_s
        imports_s[process] = min(imports_s.get(process, np.inf), answer["whole_processor_s"] - run_processor_s)
    start_s = np.array([seconds - max(busy_s.values()), sum(imports_s.values())])
    baseline.start_s = np.minimum(baseline.start_s, start_s) if baseline.start_s.any() else start_s


def _environment() -> dict[str, str]:
    return {**environment(), **ONE_THREAD, "TF_CPP_MIN_LOG_LEVEL": "3"}


def _kind(run: Run) -> str:
    return f"{run['layers']}x{run['neurons']} {run['optimizer']} {run['epochs']}"
