"""What runs came to at a rung: which settings have ended it, and the numbers by which they are ranked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from hpcsweep.errors import JobError, StoreError, nearest
from hpcsweep.halving.rules import Measured, Rules
from hpcsweep.halving.standing import AnyTrajectory
from hpcsweep.store import Result, Store
from hpcsweep.store.results import read_result
from hpcsweep.store.states import FINISHED, RunState
from hpcsweep.sweep.choices import EPOCHS
from hpcsweep.sweep.runs import Run, short_id

_ENDED = (*FINISHED, RunState.FAILED)
Values = dict[str, list[Measured]]
"""Of each setting, what each of its seeds came to."""


class Readings:
    """The runs of a sweep, by their settings and rungs, as `section` of its file needs them; each is opened once."""

    def __init__(
        self, store: Store, rules: Rules, settings: Mapping[str, Sequence[AnyTrajectory]], section: str = "halving"
    ) -> None:
        self._store, self._rules, self._settings, self._section = store, rules, settings, section
        self._read: dict[str, Measured] = {}

    def ended(self, rung: int, settings: Iterable[str]) -> list[str]:
        """Return the settings all of whose runs at a rung have ended."""
        runs = {setting: [self._run(one, rung) for one in self._settings[setting]] for setting in settings}
        states = self._store.states([run for several in runs.values() for run in several])
        return [setting for setting, several in runs.items() if all(states.get(run.id) in _ENDED for run in several)]

    def measured(self, rung: int, settings: Iterable[str]) -> Values:
        """Return what settings that have ended a rung came to.

        Raises JobError if a run has ended without the metric, or if its result cannot be read.
        """
        return {setting: [self._of(self._run(one, rung)) for one in self._settings[setting]] for setting in settings}

    def _run(self, trajectory: AnyTrajectory, rung: int) -> Run:
        return Run(trajectory.runs[rung].id, trajectory.id, 0, (EPOCHS,), (self._rules.epochs[rung],))

    def _of(self, run: Run) -> Measured:
        if run.id not in self._read:
            if self._store.states([run])[run.id] == RunState.FAILED:
                return Measured(None, RunState.FAILED)
            try:
                result = read_result(self._store.folder(run.trajectory), run.id)
            except StoreError as error:
                raise JobError(f"{self._section}: {error}") from error
            self._read[run.id] = self._from_result(result)
        return self._read[run.id]

    def _from_result(self, result: Result) -> Measured:
        from hpcsweep.run_notes import LEARNT_NOTHING, notes_of_run, words_in  # not for plans: it takes NumPy

        if result.outcome != RunState.DONE:
            return Measured(None, result.outcome)
        name = self._rules.metric
        if name not in result.metrics:
            raise JobError(
                f"{self._section}.metric: run {short_id(result.id)} has no {name}; expected one of "
                f"{', '.join(result.metrics)}{nearest(name, result.metrics)}"
            )
        value = result.metrics[name]
        if not math.isfinite(value):
            return Measured(None, f"{name} is {value}")
        notes = notes_of_run(result.history, result.arrays.get("confusion_matrix"))
        lost = [word for word in words_in(notes or "") if word in LEARNT_NOTHING]
        return Measured(value, ", ".join(lost) or None)
