"""A small study on the test cluster: jobs that train nothing but count, and the command line around them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsweep.store import Store
from hpcsweep.sweep.load import load_sweep
from tests.conftest import ENVIRONMENT
from tests.slurm.private_cluster import Cluster

STEPS = """
import time

import numpy as np


def train(run, *, pace: float = 0.1, size: int = 4, epochs: int):
    state = run.restore()
    if state is None:
        state = {"epoch": 0, "weights": np.random.default_rng(run.seed).normal(size=size)}
    while state["epoch"] < epochs:
        epoch = state["epoch"] + 1
        noise = np.random.default_rng([run.seed, epoch]).normal(size=size)
        state = {"epoch": epoch, "weights": state["weights"] * 0.99 + noise}
        time.sleep(pace)
        run.log(epoch=epoch, loss=float(np.abs(state["weights"]).sum()))
        if run.checkpoint_due or run.should_stop:
            run.checkpoint(state)
        if run.should_stop:
            return None
    run.attach(weights=state["weights"])
"""
DIES = """
import os
import signal
import time


def train(run, *, how: str, size: int = 1):
    if how == "raised":
        raise ValueError("no such thing")
    if how == "killed":  # the worker, whose child trains
        os.kill(os.getppid(), signal.SIGKILL)
    if how == "large":  # it dies between its first heartbeat and the next one, which may be a minute away
        hoard = bytes(range(256)) * 3_200_000
        time.sleep(2.5)
        os.kill(os.getppid(), signal.SIGKILL)
    if how == "memory":
        hoard = [bytes(range(256)) * 4_000_000]
        time.sleep(60)
    if how == "deaf":
        while True:
            time.sleep(1)
    if how == "gpu":
        ResourceExhaustedError = type("ResourceExhaustedError", (Exception,), {})
        raise ResourceExhaustedError("OOM when allocating tensor on device:GPU:0 by allocator GPU_0_bfc")
    if how == "sleeps":
        while not run.should_stop:
            time.sleep(0.1)
    run.log(epoch=1, loss=0.0)
"""
LEASE_S = 8.0
PROFILE = f"""
scheduler = "slurm"
partition = "dgx"
mem_gb = 0.3
lease_s = {LEASE_S}
heartbeat_s = 1
"""

WAYS = ("requeue", "resubmit", "chain", "manual")
CUT_BODY = "[fixed]\npace = {pace}\nepochs = 110\nsize = 3\n[resources]\ntime = 1\nworkers = 1\n"


def cut_pace(way: str) -> float:
    """Return the seconds that an epoch takes in the sweep that goes on in this way: each sweep has runs of its own."""
    return 0.5 + WAYS.index(way) / 1e6


@dataclass(frozen=True)
class CountedCommands:
    """SLURM's commands under their own names, each call noted before the real one is run."""

    folder: Path

    @staticmethod
    def create(folder: Path) -> CountedCommands:
        """Write the commands into a new folder."""
        folder.mkdir()
        for name in ("squeue", "sacct", "scontrol", "sinfo", "sacctmgr", "sbatch"):
            tool = folder / name
            tool.write_text(f'#!/bin/sh\necho {name} >>{folder}/calls\nPATH=${{PATH#*:}} exec {name} "$@"\n')
            tool.chmod(0o755)
        return CountedCommands(folder)

    @property
    def path(self) -> str:
        """The PATH that finds them first."""
        return f"{self.folder}:{os.environ['PATH']}"

    def take(self) -> list[str]:
        """Return the calls since the last look."""
        calls = self.folder / "calls"
        said = calls.read_text().split() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return said


@dataclass(frozen=True)
class SlurmStudy:
    """jobs/, sweeps/ and a store on the cluster."""

    root: Path
    cluster: Cluster

    @staticmethod
    def create(root: Path, cluster: Cluster) -> SlurmStudy:
        """Write the study's files."""
        for folder in ("jobs/profiles", "sweeps"):
            (root / folder).mkdir(parents=True)
        (root / "jobs" / "steps.py").write_text(STEPS)
        (root / "jobs" / "dies.py").write_text(DIES)
        study = SlurmStudy(root, cluster)
        study.profile("cluster", PROFILE)
        return study

    @property
    def store(self) -> Path:
        return self.root / "results"

    def profile(self, name: str, text: str) -> None:
        """Write a profile."""
        (self.root / "jobs" / "profiles" / f"{name}.toml").write_text(text)

    def sweep(self, name: str, body: str, job: str = "steps", profile: str = "cluster") -> Path:
        """Write a sweep file."""
        path = self.root / "sweeps" / f"{name}.toml"
        path.write_text(f'name = "{name}"\njob = "jobs/{job}.py:train"\nprofile = "{profile}"\n{body}')
        return path

    def run(self, *words: object, code: int | None = 0, **environment: str) -> str:
        """Run `hpcsweep` and return its stdout and stderr."""
        done = subprocess.run(
            [sys.executable, "-c", "from hpcsweep.cli import main; main()", *map(str, words)],
            cwd=self.root, env=self.environment | environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def start(self, *words: object, **environment: str) -> subprocess.Popen[str]:
        """Start `hpcsweep` and do not wait."""
        return subprocess.Popen(
            [sys.executable, "-c", "from hpcsweep.cli import main; main()", *map(str, words)],
            cwd=self.root, env=self.environment | environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(("SLURM", "HPCSWEEP"))}
        return clean | {"SLURM_CONF": self.cluster.environment["SLURM_CONF"]}

    def submit(self, sweep: Path, *words: str) -> str:
        """Submit a sweep and return its (last) array's id."""
        said = self.run("submit", sweep, *words)
        line = next(line for line in said.splitlines() if line.startswith("array "))
        return line.removeprefix("array ").partition(":")[0].split(" -> ")[-1]

    def status(self, sweep: Path) -> dict[str, Any]:
        """Return `status --json`."""
        said = self.run("status", "--json", sweep, code=None)
        answer: dict[str, Any] = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        return answer

    def states(self, sweep: Path) -> list[str]:
        """Return the state of each run, from the store alone: cheap enough to be asked again and again."""
        runs = load_sweep(sweep).runs
        found = Store(self.store, lease_s=LEASE_S).states(runs)
        return [found.get(run.id, "new") for run in runs]

    def events(self, sweep: str) -> list[dict[str, Any]]:
        """Return all events of a sweep's workers, oldest first."""
        files = sorted((self.store / "sweeps" / sweep).glob("*/workers/*.events"))
        events = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return sorted(events, key=lambda event: event["time"])

    def mails(self, sweep: str) -> list[str]:
        """Return the mails about a sweep that SLURM would have sent, oldest first."""
        mails = self.cluster.folder / "log" / "mails"
        return [line for line in mails.read_text().splitlines() if f"Name={sweep}:" in line] if mails.exists() else []

    def age_events(self, sweep: str, by_s: int = 600) -> None:
        """Make a sweep's workers have been silent for longer: as if it were later."""
        for file in (self.store / "sweeps" / sweep).glob("*/workers/*.events"):
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            file.write_text("".join(json.dumps({**line, "time": line["time"] - by_s}) + "\n" for line in lines))
