"""The states of runs, as the names in a trajectory's folder tell them; no result is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hpcsweep.machine import StrEnum
from hpcsweep.store.checkpoints import list_checkpoints
from hpcsweep.store.claims import Life, life_of, newest_generation, was_given_back
from hpcsweep.store.trajectory_folder import ARRAYS, FAILED, RESULT, TrajectoryFolder
from hpcsweep.sweep.runs import Run, epochs_of

MAX_DEATHS = 3  # attempts in a row that died without leaving a checkpoint, before the trajectory is called failed


class RunState(StrEnum):
    """What a store says about a run. A state that was read may be a word of a later release, not in this list."""

    DONE = "done"  # its result is there
    DIVERGED = "diverged"  # its result is there, and a loss in it is NaN or infinite
    OTHER_CODE = "done by other code"  # its result is there, of code that means something else than today's
    OTHER_DATA = "done by other data"  # its result is there, of data that have other content today
    OTHER_DEFAULTS = "done with other defaults"  # its result is there, of other parameters: a default was changed
    FAILED = "failed"  # the newest attempt ended with an error
    CORRUPT = "corrupt"  # its result is not what was written, or belongs to other parameters
    NEWER = "of a newer hpcsweep"  # its result is there, and only a later release can read it
    RUNNING = "running"  # a worker is training it
    RESUMABLE = "resumable"  # it was begun, and there is a checkpoint to continue from
    BEGUN_BY_OTHERS = "begun by other code"  # there is a checkpoint, of other code or data than today's
    STOPPED = "stopped"  # [halving] has decided that its setting does not go on to so many epochs
    NEW = "new"  # there is nothing, or nothing to continue from


COUNTED = (RunState.DONE, RunState.OTHER_CODE, RunState.OTHER_DATA)
"""The states of runs whose numbers a table takes together, where need be with a mark."""
FINISHED = (*COUNTED, RunState.DIVERGED)
"""The states of runs with numbers."""
NOT_OF_TODAY = (RunState.OTHER_CODE, RunState.OTHER_DATA, RunState.OTHER_DEFAULTS, RunState.BEGUN_BY_OTHERS)
"""The states of runs of which somebody must say whether they stand: nothing is kept or trained anew by stealth."""


def count_states(states: Iterable[str]) -> dict[str, int]:
    """Return how many there are of each state, in the order of RunState, other words last."""
    counts = Counter(states)
    return {state: counts[state] for state in dict.fromkeys([*RunState, *counts]) if counts[state]}


@dataclass(frozen=True)
class StoredTrajectory:
    """A look at one trajectory's folder."""

    folder: TrajectoryFolder
    done: frozenset[str]
    generation: int
    failed_generation: int
    progress_generation: int
    checkpoint_epochs: tuple[int, ...]
    life: Life

    @property
    def alive(self) -> bool:
        """Whether somebody is at work on it; False if that is not known."""
        return self.life is Life.ALIVE

    @staticmethod
    def look(
        folder: TrajectoryFolder, lease_s: float, *, probe: bool, names: list[str] | None = None
    ) -> StoredTrajectory:
        """Read the names in the folder, unless they are given, and the newest claim; `probe` as for `life_of`."""
        names = folder.names() if names is None else names
        generation = newest_generation(names)
        failed = max((int(m[1]) for name in names if (m := FAILED.fullmatch(name))), default=0)
        checkpoints = list_checkpoints(names)
        return StoredTrajectory(
            folder=folder,
            done=results_among(names),
            generation=generation,
            failed_generation=failed if failed == generation else 0,
            progress_generation=max(
                [checkpoint.generation for checkpoint in checkpoints[-1:]]
                + [int(match[2]) for name in names if (match := ARRAYS.fullmatch(name))],
                default=0,
            ),
            checkpoint_epochs=tuple(checkpoint.epoch for checkpoint in checkpoints),
            life=life_of(folder, generation, lease_s, probe=probe) if failed != generation else Life.DEAD,
        )

    def deaths(self) -> int:
        """How many of the newest attempts in a row died: nothing left behind, not given back, no failure recorded."""
        deaths = 0
        for generation in range(self.generation, self.progress_generation, -1):
            if was_given_back(self.folder, generation) or self.folder.has(self.folder.failed(generation)):
                break
            deaths += 1
        return deaths


def results_among(names: Iterable[str]) -> frozenset[str]:
    """Return the ids of the runs of which there is a result among the names in a trajectory's folder."""
    return frozenset(match[1] for name in names if (match := RESULT.fullmatch(name)))


def run_state(run: Run, trajectory: StoredTrajectory, done_epochs: int) -> RunState | None:
    """Return the state of `run`, None if it is new; `done_epochs` is the largest of its trajectory's done runs."""
    if run.id in trajectory.done:
        return RunState.DONE
    if trajectory.failed_generation:
        return RunState.FAILED
    if trajectory.alive:
        return RunState.RUNNING
    # A longer run starts from the checkpoint that a finished shorter one left; it is new all the same.
    limit = epochs_of(run.params)
    usable = any(done_epochs < epoch and (limit is None or epoch <= limit) for epoch in trajectory.checkpoint_epochs)
    return RunState.RESUMABLE if usable else None
