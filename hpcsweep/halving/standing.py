"""How far each setting may go, and so what there is to train now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hpcsweep.files import canonical_json, sha256_hex


class AnyRun(Protocol):
    """A run of a sweep or of a manifest."""

    @property
    def id(self) -> str:
        """Its id."""


class AnyTrajectory(Protocol):
    """A trajectory of a sweep or of a manifest: its runs in increasing epochs, one per rung."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def params(self) -> Mapping[str, Any]:
        """Its parameters, without seed and epochs."""

    @property
    def runs(self) -> Sequence[AnyRun]:
        """Its runs."""


def setting_of(trajectory: AnyTrajectory) -> str:
    """Return the id of a trajectory's setting: of its parameters, without seed and epochs."""
    return sha256_hex(canonical_json(dict(trajectory.params)).encode())


@dataclass(frozen=True)
class Standing:
    """What is decided so far, by the ids of settings.

    `highest`: the index of the last rung that a setting may be trained to; `stopped`: that of the rung from which it
    did not go on; the `audited` of them are trained to the end all the same. `over`: whether nothing is left to decide.
    """

    highest: Mapping[str, int]
    stopped: Mapping[str, int]
    audited: frozenset[str]
    over: bool

    def reached(self, setting: str) -> int:
        """Return the index of the last rung to which a setting has gone on, audited or not."""
        return self.stopped.get(setting, self.highest[setting])

    def admitted(self, trajectory: AnyTrajectory) -> int:
        """Return how many runs of a trajectory may be trained."""
        return self.highest[setting_of(trajectory)] + 1

    def stopped_runs(self, trajectories: Iterable[AnyTrajectory]) -> set[str]:
        """Return the ids of the runs that will not be trained."""
        ended = self.stopped.keys() - self.audited
        return {run.id for one in trajectories if setting_of(one) in ended for run in one.runs[self.admitted(one) :]}
