"""What would happen if a sweep were run now, from its runs and from what a store says of them. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, Trajectory, collector_paused, group_trajectories

PLAN_STATES = {
    "new": "new",
    "done": "done",
    "diverged": "done",
    "failed": "failed",
    "resumable": "resumable",
    "running": "resumable",
}


@dataclass(frozen=True)
class Plan:
    """A sweep's runs with their states ("new", "done", "resumable" or "failed"), in the order of `sweep.runs`.

    `removed` holds the ids of runs that an earlier form of the sweep had; their results stay in the store.
    """

    sweep: Sweep
    states: list[str]
    trajectories: list[Trajectory]
    removed: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are new, done, resumable, failed, and removed since last time."""
        counts = Counter(self.states)
        states = {state: counts[state] for state in ("new", "done", "resumable", "failed")}
        return {**states, "removed": len(self.removed)}

    def unfinished(self, failed: bool = False) -> list[Trajectory]:
        """Return the trajectories with something left to train; those of failed runs only if `failed`."""
        left = {"new", "resumable", "failed"} if failed else {"new", "resumable"}
        pairs = zip(self.sweep.runs, self.states, strict=True)
        wanted = {run.trajectory for run, state in pairs if state in left}
        if not failed:
            wanted -= self._failed_trajectories()
        return [trajectory for trajectory in self.trajectories if trajectory.id in wanted]

    def _failed_trajectories(self) -> set[str]:
        pairs = zip(self.sweep.runs, self.states, strict=True)
        return {run.trajectory for run, state in pairs if state == "failed"}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Give one dict a run: id, seed, params, state."""
        for run, state in zip(self.sweep.runs, self.states, strict=True):
            yield {"id": run.id, "seed": run.seed, "params": run.params, "state": state}

    def to_json(self) -> dict[str, Any]:
        """Return the plan as `plan --json` prints it."""
        return {**self._summary(), "runs": list(self.rows())}

    def json_pieces(self) -> Iterator[str]:
        """Give the text of `to_json` piece by piece, so that a million runs need not be held as dicts."""
        yield json.dumps(self._summary())[:-1] + ', "runs": ['
        separator = ""
        for row in self.rows():
            yield separator + json.dumps(row)
            separator = ", "
        yield "]}"

    def _summary(self) -> dict[str, Any]:
        return {"sweep": self.sweep.name, "counts": self.counts, "trajectories": len(self.trajectories)}


def make_plan(sweep: Sweep, states: Mapping[str, str], previous: Collection[str] = ()) -> Plan:
    """Return the plan of `sweep`: `states` is what the store says by run id, `previous` the ids of last time.

    Runs that the store does not know are new; a diverged run is done, a running one counts as resumable.
    """
    with collector_paused():
        trajectories = group_trajectories(sweep.runs, sweep.job.shares_epochs)
    found = [PLAN_STATES[states[run.id]] if run.id in states else "new" for run in sweep.runs]
    return Plan(sweep, found, trajectories, _removed(sweep.runs, previous))


def _removed(runs: Iterable[Run], previous: Collection[str]) -> list[str]:
    if not previous:
        return []
    now = {run.id for run in runs}
    return [run_id for run_id in previous if run_id not in now]
