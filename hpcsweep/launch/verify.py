"""Proof that a sweep's results are what they say: hashes, fresh models, and runs trained again, alone, to the bit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.launch.local_workers import LocalWorkers
from hpcsweep.launch.plan import make_plan
from hpcsweep.launch.submission import write_submission
from hpcsweep.store import Result, Store
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, short_id

DIGESTS = ("initial_weights_sha256", "final_weights_sha256")
NOT_COMPARED = ("seconds",)  # the one column of a history that no two trainings share
POLL_S = 0.2


@dataclass(frozen=True)
class Finding:
    """Something wrong with a run, in words."""

    run_id: str
    problem: str


def read_all(sweep: Sweep, store: Store, runs: Iterable[Run]) -> tuple[list[Result], list[Finding]]:
    """Read the results of `runs`; each record or array whose hash does not match is a finding."""
    results, findings = [], []
    for run in runs:
        try:
            results.append(store.result(run))
        except StoreError as error:
            findings.append(Finding(run.id, str(error)))
    return results, findings


def find_accumulated(results: Sequence[Result]) -> Iterator[Finding]:
    """Yield the runs that began with the very weights that another run ended with: their model was not rebuilt."""
    ends = {result.facts["final_weights_sha256"]: result for result in results if _digest(result, 1)}
    for result in results:
        other = ends.get(_digest(result, 0))
        if other is not None and other.trajectory != result.trajectory:
            yield Finding(
                result.id,
                f"began with the weights that run {short_id(other.id)} ended with: its model was not built anew; "
                "expected a fresh one (build the model inside the job function)",
            )


def train_alone(sweep: Sweep, recorded: Sequence[Result]) -> Iterator[Result | None]:
    """Train the run of each result by itself, in a new process and an empty store; None if that failed.

    Engine and backend are the recorded ones: others differ in the last bits.
    """
    runs = {run.id: run for run in sweep.runs}
    for result in recorded:
        run = runs[result.id]
        recorded_of: dict[str, Any] = {
            name: result.facts[name] for name in ("engine", "backend") if name in result.facts
        }
        training = sweep.training.model_copy(update=recorded_of)
        with tempfile.TemporaryDirectory(prefix="hpcsweep-verify-") as folder:
            store = Store(Path(folder))
            plan = make_plan(replace(sweep, runs=[run], training=training), {})
            team = LocalWorkers(write_submission(plan, store, plan.trajectories), workers=1)
            team.start_missing()
            try:
                while team.running():
                    time.sleep(POLL_S)
            finally:
                team.stop()
            yield store.result(run) if store.states([run]).get(run.id) == "done" else None


def differences(recorded: Result, alone: Result) -> list[str]:
    """Return what differs between two results of one run, to the bit: outcome, metrics, digests, history, arrays."""
    found = [name for name in ("outcome", "epoch") if getattr(recorded, name) != getattr(alone, name)]
    found += [name for name in DIGESTS if recorded.facts.get(name) != alone.facts.get(name)]
    found += [
        f"metric {name}" for name in recorded.metrics if _bits(recorded.metrics, name) != _bits(alone.metrics, name)
    ]
    for kind in ("history", "arrays"):
        ours, theirs = getattr(recorded, kind), getattr(alone, kind)
        names = [name for name in {**ours, **theirs} if name not in NOT_COMPARED]
        found += [f"{kind} {name}" for name in names if not _same_array(ours.get(name), theirs.get(name))]
    return found


def _digest(result: Result, which: int) -> str | None:
    digest = result.facts.get(DIGESTS[which])
    return digest if isinstance(digest, str) else None


def _bits(metrics: dict[str, float], name: str) -> str | None:
    return float(metrics[name]).hex() if name in metrics else None


def _same_array(ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return False
    return bool(ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes())
