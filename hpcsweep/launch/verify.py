"""Proof that a sweep's results are what they say: hashes, fresh models, and runs trained again, alone, to the bit."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpcsweep.errors import NothingSelectedError, StoreError, to_type
from hpcsweep.launch.alone import let_work, made_as, one_worker, store_for_a_while
from hpcsweep.launch.html import page, table_of
from hpcsweep.metrics import SECONDS
from hpcsweep.store import Result, Store
from hpcsweep.store.made_by import telling
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell, words_of_sweep
from hpcsweep.store.snapshots import read_snapshot
from hpcsweep.store.states import RunState
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, short_id

ENDED = (RunState.DONE, RunState.DIVERGED)
DIGESTS = ("initial_weights_sha256", "final_weights_sha256")
NOT_COMPARED = (SECONDS,)  # the one column of a history that differs between any two trainings


@dataclass(frozen=True)
class Finding:
    """Something wrong with a run, in words."""

    run_id: str
    problem: str


@dataclass(frozen=True)
class Verification:
    """What `verify` found: `done` runs, of which `intact` have results that match their hashes.

    `damaged` are the others, `accumulated` those that began with the weights that another run ended with, and
    `not_looked` counts those whose job records no weights. `retrained` has, for each run that was trained again, in
    what it differs: nothing if it is the same; `origins` has what differs in its making. These runs were picked at
    random with `seed`, or named if that is None.
    """

    done: int
    intact: int
    damaged: tuple[Finding, ...]
    accumulated: tuple[Finding, ...]
    not_looked: int
    retrained: dict[str, list[str]]
    origins: dict[str, list[str]]
    seed: int | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.accumulated or any(self.retrained.values()))

    def in_words(self) -> list[str]:
        """Return the lines for people."""
        lines = [f"{self.intact} of {self.done} results match their hashes"]
        if self.not_looked < self.intact:
            lines.append(f"{len(self.accumulated)} began with weights that another run ended with")
        if self.not_looked:
            lines.append(f"{self.not_looked} were not checked for that: their job does not record their weights")
        lines += [f"  {short_id(one.run_id)}: {one.problem}" for one in (*self.damaged, *self.accumulated)]
        if self.retrained and self.seed is not None:
            lines.append(f"sample of {len(self.retrained)}, picked with seed {self.seed}:")
        for run_id, different in self.retrained.items():
            told = f"differs in {', '.join(different)}" if different else "identical to the bit"
            made = self.origins[run_id]
            told += f"; trained again with {', '.join(made)}" if made else ""
            lines.append(f"  {short_id(run_id)} trained again alone: {told}")
        if rest := self.intact - len(self.retrained):
            lines.append(
                f"{rest} were checked by their hashes only: that finds damage, not a forgery, for whoever changes a "
                "result can hash it again; only training again finds that: --sample all"
            )
        return lines

    def _repr_html_(self) -> str:
        first, *findings = self.in_words()
        return page(first, table_of(("finding",), [(line,) for line in findings]), [])


def verify(
    source: SweepSource,
    *,
    store: StoreSource = None,
    sample: int | None = 1,
    seed: int | None = None,
    runs: Sequence[str] = (),
    say: Say = tell,
) -> Verification:
    """Check the hashes of all results of a sweep and that every model was fresh; train `sample` runs again and compare.

    Each is trained by the very code that made it. `sample` is a number, or None for all. The runs are drawn with
    `seed`, by default another one each time, or named by the beginnings of their ids in `runs`. Raises
    NothingSelectedError if no run has ended, or if one of `runs` has no intact result.
    """
    sweep, opened = open_sweep(source, store=store, say=say)
    states = opened.states(sweep.runs)
    done = [run for run in sweep.runs if states.get(run.id) in ENDED]
    if not done:
        raise NothingSelectedError(
            f"no run of {sweep.shown} is done yet; type: {to_type('run', *words_of_sweep(sweep, opened))}"
        )
    results, damaged = read_all(opened, done)
    if runs:
        seed, chosen = None, _named(sweep, opened, results, runs)
    else:
        seed = secrets.randbelow(10**6) if seed is None else seed
        chosen = random.Random(seed).sample(results, len(results) if sample is None else min(sample, len(results)))
    if chosen:
        drawn = "" if seed is None else f" (seed {seed})"
        say(f"training {len(chosen)} run(s) again, each alone in a new process{drawn}")
    retrained: dict[str, list[str]] = {}
    origins: dict[str, list[str]] = {}
    for result, alone in zip(chosen, train_alone(sweep, opened, chosen, say), strict=True):
        retrained[result.id] = ["that it failed"] if alone is None else differences(result, alone)
        origins[result.id] = [] if alone is None else other_origins(result, alone)
    not_looked = sum(_digest(result, 0) is None or _digest(result, 1) is None for result in results)
    accumulated = tuple(find_accumulated(results))
    return Verification(len(done), len(results), tuple(damaged), accumulated, not_looked, retrained, origins, seed)


def _named(sweep: Sweep, store: Store, results: Sequence[Result], prefixes: Sequence[str]) -> list[Result]:
    by_id = {result.id: result for result in results}
    found = [store.find_run(prefix)[1] for prefix in prefixes]
    for run_id in found:
        if run_id not in by_id:
            command = to_type("run", *words_of_sweep(sweep, store))
            raise NothingSelectedError(
                f"run {short_id(run_id)} has no intact result of {sweep.shown} to compare with; expected a run that "
                f"ended; type: {command}"
            )
    return [by_id[run_id] for run_id in dict.fromkeys(found)]


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
    """Yield the runs that began with the very weights that another run ended with: their model was not rebuilt.

    A longer run of the same trajectory may do so, if it continued from a checkpoint.
    """
    ends: dict[str | None, list[Result]] = {}
    for result in results:
        ends.setdefault(_digest(result, 1), []).append(result)
    for result in results:
        others = ends.get(_digest(result, 0), []) if _digest(result, 0) else []
        for other in others:
            of_its_own = other.trajectory == result.trajectory and result.facts.get("restored", True)
            if other.id != result.id and not of_its_own:
                yield Finding(
                    result.id,
                    f"began with the weights that run {short_id(other.id)} ended with: its model was not a fresh one; "
                    "expected one (build the model inside the job function)",
                )
                break


def train_alone(sweep: Sweep, opened: Store, recorded: Sequence[Result], say: Say) -> Iterator[Result | None]:
    """Train the run of each result by itself, in a new process and an empty store; None if that failed.

    It uses the snapshot of the code that made it, and the recorded engine and backend: others differ in the last bits.
    """
    runs = {run.id: run for run in sweep.runs}
    for result in recorded:
        run = runs[result.id]._replace(names=tuple(result.params), values=tuple(result.params.values()))
        with store_for_a_while("verify") as store:
            files = _code_of(result, opened, say)
            let_work(one_worker(made_as(sweep, result), [run], store, files=files)[0])
            yield store.result(run) if store.states([run]).get(run.id) in ENDED else None


def _code_of(result: Result, store: Store, say: Say) -> dict[str, bytes] | None:
    """Return the files of the code that made a result; None, with a word to `say`, if they were not kept."""
    snapshot = result.facts.get("snapshot")
    if snapshot:
        return read_snapshot(store.layout, snapshot)
    say(f"run {short_id(result.id)}: the code that made it was not kept; today's trains it again")
    return None


def other_origins(recorded: Result, alone: Result) -> list[str]:
    """Return what differs in how two results were made: data, code outside the study, libraries."""
    then, now = recorded.facts, alone.facts
    used, uses = telling(then.get("data", {})), telling(now.get("data", {}))
    found = [f"other data ({name})" for name in used if name in uses and used[name]["sha256"] != uses[name]["sha256"]]
    if then.get("code_sha256") and then["code_sha256"] != now.get("code_sha256"):
        found.append("other code")
    versions, others = then.get("libraries", {}), now.get("libraries", {})
    return found + [
        f"{name} {others[name]} (then {versions[name]})"
        for name in versions
        if name in others and versions[name] != others[name]
    ]


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
