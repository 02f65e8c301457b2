"""What would happen if a sweep were run now, from its runs and from what a store says about them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from hpcsweep.halving.of_sweep import with_stopped
from hpcsweep.launch.budget import Budget, budget_of_plan
from hpcsweep.launch.html import page, table_of
from hpcsweep.launch.prediction import Prediction
from hpcsweep.store import Store
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell
from hpcsweep.store.states import NOT_OF_TODAY, RunState
from hpcsweep.store.today import Judgement, Today
from hpcsweep.suggest.of_sweep import decided
from hpcsweep.sweep.load import MAX_RUNS, Sweep
from hpcsweep.sweep.runs import Run, Trajectory, collector_paused, group_trajectories, short_id

# In any other state, also in one of a later release, a run has a result.
UNFINISHED: dict[str, RunState] = {
    RunState.NEW: RunState.NEW,
    RunState.RESUMABLE: RunState.RESUMABLE,
    RunState.RUNNING: RunState.RESUMABLE,
    RunState.FAILED: RunState.FAILED,
    RunState.STOPPED: RunState.STOPPED,
}
AS_THEY_ARE = UNFINISHED | {state: state for state in NOT_OF_TODAY}
ALWAYS_TOLD = (RunState.NEW, RunState.DONE, RunState.RESUMABLE, RunState.FAILED)
TO_TRAIN = {RunState.NEW, RunState.RESUMABLE}
SHOWN = 20


@dataclass(frozen=True, repr=False)
class Plan:
    """A sweep's runs with their states (new, done, resumable or failed), in the order of `sweep.runs`.

    A run that other code or data made or began has a state of its own (one of NOT_OF_TODAY); `others` says what has
    changed for each, as seen from `today`. `removed` holds the ids of runs that an earlier form of the sweep had; their
    results stay in the store. `budget` is for the training that is left, None if nobody asked for it; `rungs` says what
    [halving] and [suggest] do, in lines.
    """

    sweep: Sweep
    states: list[RunState]
    trajectories: list[Trajectory]
    removed: list[str]
    budget: Budget | None = None
    others: Mapping[str, Judgement] = field(default_factory=dict)
    today: Today | None = None
    rungs: Sequence[str] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are new, done, resumable, failed, and removed since last time; and in other states, if any."""
        counts = Counter(self.states)
        return {
            **{state: counts[state] for state in ALWAYS_TOLD},
            **{state: counts[state] for state in (RunState.STOPPED, *NOT_OF_TODAY) if counts[state]},
            "removed": len(self.removed),
        }

    def unfinished(self, failed: bool = False) -> list[Trajectory]:
        """Return the trajectories with something left to train; those of failed runs only if `failed`."""
        left = {*TO_TRAIN, RunState.FAILED} if failed else TO_TRAIN
        pairs = zip(self.sweep.runs, self.states, strict=True)
        wanted = {run.trajectory for run, state in pairs if state in left}
        if not failed:
            wanted -= {run.trajectory for run in self.failed()}
        return [trajectory for trajectory in self.trajectories if trajectory.id in wanted]

    def failed(self) -> list[Run]:
        """Return the runs that failed."""
        return [run for run, state in zip(self.sweep.runs, self.states, strict=True) if state is RunState.FAILED]

    def __repr__(self) -> str:
        return f"<Plan of {self.in_words()}>"

    def in_words(self) -> str:
        """Return the plan as a line for people."""
        counts = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        said = f": {counts}" if counts else ""
        return f"{self.sweep.name}: {len(self.sweep.runs)} runs on {len(self.trajectories)} trajectories{said}"

    @property
    def prediction(self) -> Prediction | None:
        """What is predicted of the training that is left."""
        return self.budget.prediction if self.budget else None

    def budget_in_words(self) -> list[str]:
        """Return, as lines for people, what the training that is left needs; none if nothing is left."""
        if not self.budget or not self.budget.prediction.trajectories:
            return []
        on_cluster = self.budget.lines() if self.sweep.profile.scheduler == "slurm" else ()
        return [self.budget.prediction.in_words(self.budget.workers), *on_cluster]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield one dict per run: id, seed, params, state, and for those of other code or data also the cause."""
        for run, state in zip(self.sweep.runs, self.states, strict=True):
            row = {"id": run.id, "seed": run.seed, "params": run.params, "state": state}
            yield {**row, "cause": self.others[run.id].cause} if run.id in self.others else row

    def to_json(self) -> dict[str, Any]:
        """Return the plan as `plan --json` prints it."""
        return {**self._summary(), "runs": list(self.rows())}

    def json_pieces(self) -> Iterator[str]:
        """Yield the text of `to_json` piece by piece, so that a million runs need not be held as dicts."""
        yield json.dumps(self._summary())[:-1] + ', "runs": ['
        separator = ""
        for row in self.rows():
            yield separator + json.dumps(row)
            separator = ", "
        yield "]}"

    def _repr_html_(self) -> str:
        shown = list(islice(self.rows(), SHOWN))
        rows = [(short_id(row["id"]), row["state"], row["seed"], *row["params"].values()) for row in shown]
        more = len(self.sweep.runs) - len(rows)
        lines = [
            *self.rungs,
            *self.budget_in_words(),
            *self.sweep.notes,
            f"and {more} more: hpcsweep.runs(sweep) lists them" if more else "",
        ]
        return page(self.in_words(), table_of(("id", "state", "seed", *self.sweep.job.names), rows), lines)

    def _summary(self) -> dict[str, Any]:
        return {"sweep": self.sweep.name, "counts": self.counts, "trajectories": len(self.trajectories)}


def plan(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    max_runs: int = MAX_RUNS,
    predict: bool = True,
    say: Say = tell,
) -> Plan:
    """Return what `run` or `submit` would do now. Changes nothing.

    `profile` replaces the sweep's. Unless `predict` is False, the time of the training that is left is predicted from
    measured runs of the same job in the store. Raises SweepFileError or JobError for a fault in the sweep file.
    """
    sweep, opened = open_sweep(source, store=store, profile=profile, max_runs=max_runs, say=say)
    made = plan_of(sweep, opened)
    if not predict:
        return made
    done = {run.id for run, state in zip(sweep.runs, made.states, strict=True) if state is RunState.DONE}
    return replace(made, budget=budget_of_plan(sweep, sweep.profile, made.unfinished(), done, opened))


def plan_of(sweep: Sweep, store: Store) -> Plan:
    """Compare a sweep with what its store holds, judged by the code and data of today."""
    sweep = sweep.within(store.decided)
    today, halving = today_of(sweep, store), decided(sweep, store)
    states = with_stopped(store.states(sweep.runs), halving.stopped)
    others = today.judge(sweep.runs, states)
    seen = {**states, **{run_id: one.state for run_id, one in others.items()}}
    return replace(
        make_plan(sweep, seen, previous_run_ids(store, sweep.name)),
        others=others,
        today=today,
        rungs=halving.lines,
    )


def today_of(sweep: Sweep, store: Store) -> Today:
    """Return the code and data of a sweep as they are now."""
    return Today(store, sweep.root, sweep.code_files(), sweep.data_folder)


def previous_run_ids(store: Store, sweep: str) -> set[str]:
    """Return the ids of all runs that the sweep had when it was last submitted; an empty set if it never was."""
    submissions = store.layout.submissions(sweep)
    return store.run_ids(submissions[-1]) if submissions else set()


def make_plan(sweep: Sweep, states: Mapping[str, str], previous: Collection[str] = ()) -> Plan:
    """Return the plan of `sweep`: `states` are the store's, by run id; `previous` are the ids of last time.

    Runs that the store does not know are new; a diverged run is done, a running one counts as resumable.
    """
    with collector_paused():
        trajectories = group_trajectories(sweep.runs, sweep.job.shares_epochs)
    found = [AS_THEY_ARE.get(states.get(run.id, RunState.NEW), RunState.DONE) for run in sweep.runs]
    return Plan(sweep, found, trajectories, _removed(sweep.runs, previous))


def _removed(runs: Iterable[Run], previous: Collection[str]) -> list[str]:
    if not previous:
        return []
    now = {run.id for run in runs}
    return [run_id for run_id in previous if run_id not in now]
