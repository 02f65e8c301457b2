"""What a worker may take: it claims trajectories that have something left to train and that nobody else trains."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from hpcsweep.store import Failure, Store
from hpcsweep.store.causes import Cause
from hpcsweep.store.claims import Claim, describe_owner, try_claim
from hpcsweep.store.events import note_progress
from hpcsweep.store.manifest import Manifest, ManifestTrajectory
from hpcsweep.store.results import write_failure
from hpcsweep.store.states import MAX_DEATHS, StoredTrajectory, results_among
from hpcsweep.store.task_files import this_task
from hpcsweep.worker.pace import Pace
from hpcsweep.worker.work_order import Claims


def is_open(seen: StoredTrajectory, trajectory: ManifestTrajectory) -> bool:
    """Whether a trajectory has something left to train that nobody is training."""
    if seen.alive or seen.failed_generation > trajectory.retry or all(run.id in seen.done for run in trajectory.runs):
        return False
    return not seen.folder.cancelled.exists()


class Claimer:
    """Claims for one worker, as far as its pace allows; `warm_up` is called before each claim.

    What `ticket` returns is named in the claim.
    """

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        pace: Pace,
        warm_up: Callable[[], None],
        ticket: Callable[[], str | None],
    ) -> None:
        self._store, self._manifest, self._pace, self._warm_up = store, manifest, pace, warm_up
        self._ticket = ticket

    def claim_all(self, batch: list[ManifestTrajectory]) -> Claims:
        """Claim what can be claimed of a batch; if one cannot for a fault of the machine, none is claimed.

        Raises OSError.
        """
        claims: Claims = []
        try:
            for one in batch:
                if (claim := self._claim(one)) is not None:
                    claims.append((one, claim))
        except OSError:
            give_back(claims)
            raise
        return claims

    def _claim(self, trajectory: ManifestTrajectory) -> Claim | None:
        seen = self._store.look(trajectory.id)
        if not is_open(seen, trajectory) or not self._pace.allows(seen):
            return None
        self._warm_up()  # whoever dies while Keras starts has claimed nothing
        owner = {**describe_owner(this_task() or f"pid {os.getpid()}"), "ticket": self._ticket()}
        claim = try_claim(seen.folder, owner, self._manifest.lease_s)
        if claim is None:
            return None
        # Look again, now that nobody else writes: another worker may have finished it in between.
        done = results_among(claim.folder.names())
        finished = all(run.id in done for run in trajectory.runs)
        if done:
            claim.ticket = None  # what is packed would hide results that are there without it
        deaths = self._store.look(trajectory.id).deaths() - 1 if claim.generation > 1 else 0  # without this claim
        if not finished and deaths < MAX_DEATHS:
            return claim
        if not finished:
            write_failure(claim.folder, _gave_up(deaths, claim))
            note_progress()
        claim.give_back()
        return None


def give_back(claims: Claims) -> None:
    """Give claims back, as far as the machine lets it be done; the others expire."""
    for _, claim in claims:
        with suppress(OSError):
            claim.give_back()


def _gave_up(deaths: int, claim: Claim) -> Failure:
    message = (
        f"the worker died {deaths} times in a row on this trajectory without leaving a checkpoint (killed, out of "
        "memory, or a crash in native code)"
    )
    return Failure(Cause.WORKER_DIED, message, "", claim.generation, memory_gb=claim.folder.seen_gb() or None)
