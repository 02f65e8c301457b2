"""How far a sweep has come: what the store says about its runs, and SLURM about its workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from hpcsweep.errors import NothingSelectedError
from hpcsweep.files import plain
from hpcsweep.halving.of_sweep import Halved, with_stopped
from hpcsweep.launch.advice import Advice
from hpcsweep.launch.html import page, table_of
from hpcsweep.launch.last_workers import trace_deaths
from hpcsweep.launch.plan import make_plan, previous_run_ids, today_of
from hpcsweep.launch.progress import Stage, stage_of, told_of_beginners
from hpcsweep.launch.spent import Spent, spent_on
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.slurm.watching.deaths import Death
from hpcsweep.slurm.watching.view import SlurmView
from hpcsweep.store import Failure, Store
from hpcsweep.store.causes import Cause, Why
from hpcsweep.store.halts import Halt, halt_of
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_store, open_sweep, tell
from hpcsweep.store.states import FINISHED, RunState, count_states
from hpcsweep.store.task_files import slurm_submissions
from hpcsweep.suggest.of_sweep import decided
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import collector_paused, short_id

SCHEDULER_FLOOR_S = 15.0  # between two questions to the scheduler, however often we look
WATCH_EVERY_S = 2.0
SHOWN = 20
LEFT = (RunState.NEW, RunState.RESUMABLE, RunState.RUNNING)


@dataclass(frozen=True)
class RunStatus:
    """One run: its state, the newest epoch and metrics, why it failed, and why its numbers are in doubt.

    `stage` says of a run in training how far it is, `used_gb` of a failed one how much memory it was seen to use.
    """

    id: str
    seed: int
    params: dict[str, Any]
    state: str
    epoch: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    why: Why | None = None
    doubt: str | None = None
    stage: Stage | None = None
    used_gb: float = 0.0

    @property
    def cause(self) -> str | None:
        """Why it failed, or why its numbers are in doubt, in one line."""
        return self.doubt if self.why is None else str(self.why)

    def to_json(self) -> dict[str, Any]:
        """Return the run as `status --json` prints it."""
        told = {**vars(self), "metrics": plain(self.metrics), "cause": self.cause}
        del told["why"], told["doubt"], told["stage"], told["used_gb"]
        if self.stage:
            told |= {"epochs": self.stage.epochs, "elapsed_s": self.stage.elapsed_s, "left_s": self.stage.left_s}
            told |= {"left_s_by_others": self.stage.others and self.stage.others._asdict()}
        return told


@dataclass(frozen=True, repr=False)
class Status:
    """A look at a sweep: its runs in the order of `sweep.runs`, and its workers if any went to SLURM.

    `removed` holds the ids of runs that an earlier form of the sweep had, `processes` the names of the workers of
    `hpcsweep run` that are training now, `halted` why the newest submission was stopped, if its job cannot begin,
    `spent` what its workers have used of the cluster, `rungs` how far [halving] is, in lines.
    """

    sweep: Sweep
    store: Store
    runs: list[RunStatus]
    removed: Sequence[str]
    workers: SlurmView | None = None
    processes: Sequence[str] = ()
    halted: Halt | None = None
    spent: Spent | None = None
    rungs: Sequence[str] = ()

    @property
    def advice(self) -> Advice:
        """What to type next about the sweep."""
        return Advice(self.sweep, self.store)

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are in each state, in the order of RunState."""
        return count_states(run.state for run in self.runs)

    def in_state(self, state: RunState) -> list[RunStatus]:
        """Return the runs that are in a state."""
        return [run for run in self.runs if run.state == state]

    def __repr__(self) -> str:
        return f"<Status of {self.in_words()}>"

    def in_words(self) -> str:
        """Return the counts as a line for people."""
        said = ", ".join(f"{count} {state}" for state, count in self.counts.items())
        halted = f"; {self.halted.in_words}" if self.halted else ""
        return f"{self.sweep.name}: {len(self.runs)} runs: {said}{halted}"

    def to_json(self) -> dict[str, Any]:
        """Return the status as `status --json` prints it."""
        plan = make_plan(self.sweep, {run.id: run.state for run in self.runs}, self.removed)
        told: dict[str, Any] = {"workers": self.workers.to_json(self.advice.fill)} if self.workers else {}
        told |= {"spent": self.spent.to_json()} if self.spent else {}
        return {**plan.to_json(), "runs": [run.to_json() for run in self.runs], **told}

    def _repr_html_(self) -> str:
        unfinished = [run for run in self.runs if run.state not in FINISHED]
        rows = [
            (short_id(run.id), run.state, run.seed, run.epoch, run.cause, *run.params.values())
            for run in islice(unfinished, SHOWN)
        ]
        headings = ("id", "state", "seed", "epoch", "cause", *self.sweep.job.names)
        more = len(unfinished) - len(rows)
        workers = self.workers and f"workers: {len(self.workers.running)} running, {len(self.workers.pending)} waiting"
        lines = [f"and {more} more: hpcsweep.runs(sweep) lists them" if more else "", workers or ""]
        return page(self.in_words(), table_of(headings, rows), lines)


@dataclass(frozen=True)
class KnownSweep:
    """A sweep that a store knows, and when it was last submitted (UTC); empty if never."""

    name: str
    submitted: str


def status(source: SweepSource, *, store: StoreSource = None, say: Say = tell) -> Status:
    """Return the states of a sweep's runs, from the store alone, and what SLURM says about its workers, asked once.

    Raises SweepFileError or JobError for a fault in the sweep file. SLURM need not answer.
    """
    return next(watch(source, store=store, say=say))


def watch(
    source: SweepSource, *, store: StoreSource = None, every_s: float = WATCH_EVERY_S, say: Say = tell
) -> Iterator[Status]:
    """Yield the status again and again, `every_s` seconds apart; SLURM is asked at most every SCHEDULER_FLOOR_S."""
    sweep, opened = open_sweep(source, store=store, say=say)
    workers = _Workers(opened, sweep.name)
    while True:
        sweep = sweep.within(opened.decided)
        with collector_paused():
            halving = decided(sweep, opened)
            runs = list(_runs(sweep, opened, halving))
        stages = told_of_beginners({run.id: run.stage for run in runs if run.stage}, sweep, opened)
        runs = [replace(run, stage=stages.get(run.id)) for run in runs]
        at_work = any(run.state == RunState.RUNNING for run in runs)
        view = workers.view(at_work=at_work, left=_left(sweep, opened, runs))
        if view and view.deaths:
            unfinished = [run for seen, run in zip(runs, sweep.runs, strict=True) if seen.state not in FINISHED]
            deaths, last = trace_deaths(unfinished, opened, view.deaths)
            runs = [_with_cause(run, last.get(run.id)) for run in runs]
            view = replace(view, deaths=deaths)
        now = {run.id for run in sweep.runs}
        removed = sorted(previous_run_ids(opened, sweep.name) - now)
        spent = spent_on(opened, sweep.name, {task.name for task in view.running}) if view else None
        sent = opened.layout.submissions(sweep.name)
        halted = halt_of(sent[-1]) if sent else None
        yield Status(sweep, opened, runs, removed, view, _processes(sweep, opened, runs), halted, spent, halving.lines)
        time.sleep(every_s)


def known_sweeps(store: StoreSource = None) -> list[KnownSweep]:
    """Return the sweeps that a store knows, by name; NothingSelectedError if there is none."""
    opened = open_store(store)
    if not (names := opened.layout.sweep_names()):
        raise NothingSelectedError(f"the store {opened.root} holds no sweep yet; begin one: hpcsweep run SWEEP")
    submissions = {name: opened.layout.submissions(name) for name in names}
    return [KnownSweep(name, sent[-1].path.name if sent else "") for name, sent in submissions.items()]


class _Workers:
    """SLURM's view of a sweep, asked at most every SCHEDULER_FLOOR_S; None for sweeps that never went there."""

    def __init__(self, store: Store, sweep: str) -> None:
        self._store, self._sweep = store, sweep
        self._view: SlurmView | None = None
        self._asked = -SCHEDULER_FLOOR_S

    def view(self, *, at_work: bool, left: int) -> SlurmView | None:
        """Return the view: a new one if the last is old enough; for `at_work` and `left`, see Scheduler.look."""
        if time.monotonic() - self._asked >= SCHEDULER_FLOOR_S and slurm_submissions(self._store.layout, self._sweep):
            self._view = SLURM.look(self._store, self._sweep, at_work=at_work, left=left)
            self._asked = time.monotonic()
        return self._view


def _runs(sweep: Sweep, store: Store, halving: Halved) -> Iterator[RunStatus]:
    states = with_stopped(store.states(sweep.runs, outcomes=True), halving.stopped)
    others = today_of(sweep, store).judge(sweep.runs, states)
    failures: dict[str, Failure | None] = {}
    there = store.layout.trajectory_ids()
    for run in sweep.runs:
        seen = RunStatus(run.id, run.seed, run.params, states.get(run.id, RunState.NEW))
        if seen.state in FINISHED:
            found = store.headline(run)
            seen = replace(seen, epoch=found.epoch, metrics=found.metrics, doubt=_continued(found.began_where))
        elif seen.state == RunState.RUNNING:
            progress = store.progress(run.trajectory) or {}
            seen = replace(seen, epoch=progress.get("epoch"), metrics=progress.get("metrics", {}))
            seen = replace(seen, stage=stage_of(progress) if progress.get("run") == run.id else None)
        elif seen.state == RunState.FAILED:
            if run.trajectory not in failures:
                failures[run.trajectory] = store.failure(run.trajectory)
            if failure := failures[run.trajectory]:
                seen = replace(seen, why=failure.why, used_gb=failure.memory_gb or 0.0)
        elif run.trajectory in there:
            seen = replace(seen, doubt=store.silent_owner(run.trajectory) or None)
        if run.id in others and seen.state != RunState.DIVERGED:
            seen = replace(seen, state=others[run.id].state, doubt=others[run.id].cause)
        yield seen


def _left(sweep: Sweep, store: Store, seen: Sequence[RunStatus]) -> int:
    """Return how many trajectories are unfinished, and between the rounds of a search, how many may come."""
    left = {run.trajectory for status, run in zip(seen, sweep.runs, strict=True) if status.state in LEFT}
    to_come = sweep.search.rounds(store.decided) if sweep.search and not left else []
    return len(left) + sum(one.to_come for one in to_come)


def _processes(sweep: Sweep, store: Store, seen: Sequence[RunStatus]) -> list[str]:
    """Return the names of the workers at work about which SLURM knows nothing."""
    running = {run.trajectory for run, status in zip(sweep.runs, seen, strict=True) if status.state == RunState.RUNNING}
    owners = [owner for trajectory in running if (owner := store.owner_at_work(trajectory)) and not owner.get("events")]
    return sorted({f"{owner.get('worker')} on {owner.get('host')}" for owner in owners})


def _continued(other: str | None) -> str | None:
    """Mark a run that began with the weights that another run of its worker ended with."""
    return (
        f"began with the weights that run {short_id(other)} ended with: its model was not a fresh one"
        if other
        else None
    )


def _with_cause(seen: RunStatus, death: Death | None) -> RunStatus:
    """Return an unfinished run with the cause of its worker's death, if one is known."""
    if death is None or seen.state == RunState.RUNNING or (seen.why and seen.why.cause is not Cause.WORKER_DIED):
        return seen
    return replace(seen, why=Why(death.cause, death.cause.words), used_gb=max(seen.used_gb, death.used_gb))
