"""Many runs, many workers, and trouble."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from hpcsweep.store import Store
from hpcsweep.store.trajectory_folder import CLAIM
from tests.slurm.study import SlurmStudy

MOST_HELD = 50  # results that a worker may hold when it is killed
TINY = "repeats = {runs}\n[fixed]\nsize = {size}\n[resources]\ntime = 10\nworkers = {workers}\nmem_gb = 0.3\n"
TINY_JOB = (
    "import time\n\n\ndef train(run, *, size: int):\n    time.sleep(0.01)\n    run.log(epoch=1, loss=float(run.seed))\n"
)


def _worker_pids(store: Path) -> list[int]:
    """Return the pids of the worker processes of a store's submissions: submitit's main, not its srun."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"submitit.core._submit" in words and b"python" in words[0] and str(store).encode() in b" ".join(words):
                found.append(int(entry.name))
    return found


def test_all_done_and_none_twice_while_workers_and_controller_die(study: SlurmStudy) -> None:
    """Workers killed at random and slurmctld restarted: every run gets one result, of one generation."""
    (study.root / "jobs" / "tiny.py").write_text(TINY_JOB)
    sweep = study.sweep("chaos", TINY.format(runs=2000, size=1, workers=8), "tiny")
    study.submit(sweep)
    kills, rounds, dice = 0, 0, random.Random(7)
    end = time.monotonic() + 200
    store = Store(study.store)
    while time.monotonic() < end:
        time.sleep(0.25)  # an idle machine is through in ten seconds, and shall see as many deaths
        pids = _worker_pids(study.store / "sweeps" / "chaos")
        if pids and kills < 12:
            os.kill(dice.choice(pids), signal.SIGKILL)
            kills += 1
        if kills in (4, 9) and rounds < 2:
            rounds += 1
            study.cluster.control("ctl-down")
            study.cluster.control("ctl-up")
        if not pids:
            if set(study.states(sweep)) == {"done"}:
                break
            study.run("resume", sweep)
    states = study.states(sweep)
    assert states == ["done"] * 2000
    assert kills >= 6
    results = [
        result for result in store.results() if result.job == "jobs/tiny.py:train" and result.params["size"] == 1
    ]
    assert sorted(result.seed for result in results) == list(range(2000))
    assert all(float(result.history["loss"][0]) == result.seed for result in results)
    twice = sum(_claims(store, result.trajectory) > 1 for result in results)
    print(f"chaos: 2000 done, {kills} workers killed, slurmctld restarted {rounds} times, {twice} claimed again")
    # a run is claimed again only where its worker died, which costs what it finished in its last moment, too
    assert twice <= kills * MOST_HELD + 8


def _claims(store: Store, trajectory: str) -> int:
    return sum(bool(CLAIM.fullmatch(name)) for name in store.folder(trajectory).names())


def test_five_thousand_runs_over_sixty_four_tasks(study: SlurmStudy) -> None:
    """A large sweep is queued whole, its status is answered, and its submission holds few files."""
    (study.root / "jobs" / "tiny.py").write_text(TINY_JOB)
    sweep = study.sweep("five-thousand", TINY.format(runs=5000, size=2, workers=64), "tiny")
    began = time.monotonic()
    study.submit(sweep)
    print(f"large: submitted in {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    answer = study.status(sweep)
    print(f"large: status in {time.monotonic() - began:.1f} s")
    assert answer["workers"]["pending"] + len(answer["workers"]["running"]) > 56
    study.run("cancel", sweep)
    folder = next((study.store / "sweeps" / "five-thousand").iterdir())
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) <= 4 * 64 + 8
