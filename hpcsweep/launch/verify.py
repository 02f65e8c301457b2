"""Proof that a sweep's results are what they say: hashes, fresh models, and runs trained again, alone, to the bit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpcsweep.errors import NothingSelectedError, StoreError, to_type
from hpcsweep.launch.html import page, table_of
from hpcsweep.launch.local_workers import LocalWorkers
from hpcsweep.launch.plan import make_plan
from hpcsweep.launch.submission import write_submission
from hpcsweep.metrics import SECONDS
from hpcsweep.store import Result, Store
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell, words_of_sweep
from hpcsweep.sweep.choices import Engine
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, short_id

DIGESTS = ("initial_weights_sha256", "final_weights_sha256")
NOT_COMPARED = (SECONDS,)  # the one column of a history that no two trainings share
POLL_S = 0.2


@dataclass(frozen=True)
class Finding:
    """Something wrong with a run, in words."""

    run_id: str
    problem: str


@dataclass(frozen=True)
class Verification:
    """What `verify` found: `done` runs, of which `intact` have results that match their hashes.

    `damaged` are those that have not, `accumulated` those that began with the weights that another run ended with.
    `retrained` holds each run that was trained again, alone, and in what that differs: nothing where it is the same.
    """

    done: int
    intact: int
    damaged: tuple[Finding, ...]
    accumulated: tuple[Finding, ...]
    retrained: dict[str, list[str]]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.accumulated or any(self.retrained.values()))

    def in_words(self) -> list[str]:
        """Return the lines for people."""
        lines = [
            f"{self.intact} of {self.done} results match their hashes",
            f"{len(self.accumulated)} began with weights that another run ended with",
        ]
        lines += [f"  {short_id(one.run_id)}: {one.problem}" for one in (*self.damaged, *self.accumulated)]
        for run_id, different in self.retrained.items():
            told = f"differs in {', '.join(different)}" if different else "identical to the bit"
            lines.append(f"  {short_id(run_id)} trained again alone: {told}")
        return lines

    def _repr_html_(self) -> str:
        first, second, *findings = self.in_words()
        return page(first, table_of(("finding",), [(line,) for line in findings]), [second])


def verify(source: SweepSource, *, store: StoreSource = None, sample: int = 1, say: Say = tell) -> Verification:
    """Check the hashes of all results of a sweep and that every model was fresh; train `sample` runs again and compare.

    Raises NothingSelectedError if no run is done.
    """
    sweep, opened = open_sweep(source, store=store, say=say)
    states = opened.states(sweep.runs)
    done = [run for run in sweep.runs if states.get(run.id) == "done"]
    if not done:
        raise NothingSelectedError(
            f"no run of {sweep.shown} is done yet; type: {to_type('run', *words_of_sweep(sweep, opened))}"
        )
    results, damaged = read_all(opened, done)
    # Ids are hashes, so their order is a sample without a pattern, and the same one every time.
    chosen = sorted(results, key=lambda result: result.id)[:sample]
    if chosen:
        say(f"training {len(chosen)} run(s) again, each alone in a new process")
    retrained = {
        result.id: ["that it failed"] if alone is None else differences(result, alone)
        for result, alone in zip(chosen, train_alone(sweep, chosen), strict=True)
    }
    return Verification(len(done), len(results), tuple(damaged), tuple(find_accumulated(results)), retrained)


def read_all(store: Store, runs: Iterable[Run]) -> tuple[list[Result], list[Finding]]:
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
        kinds = {"engine": Engine, "backend": str}
        made_with = {name: kind(result.facts[name]) for name, kind in kinds.items() if name in result.facts}
        training = sweep.training.model_copy(update=made_with)
        with tempfile.TemporaryDirectory(prefix="hpcsweep-verify-") as folder:
            store = Store(Path(folder))
            plan = make_plan(replace(sweep, runs=[run], training=training), {})
            team = LocalWorkers(sweep, write_submission(plan, store, plan.trajectories), workers=1)
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
