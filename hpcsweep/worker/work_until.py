"""A worker that stays until a submission is finished or its own time is up, whatever happens to the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Protocol

from hpcsweep.files import server_now
from hpcsweep.store import Store
from hpcsweep.store.claims import last_beat
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, read_manifest
from hpcsweep.store.sharing import obey_sharing, require_own
from hpcsweep.suggest.orders import orders_of
from hpcsweep.worker.endings import Ending, Tally
from hpcsweep.worker.pace import Pace
from hpcsweep.worker.rungs import drain_rungs
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.work_loop import drain, tidy_up

SILENT_HEARTBEATS = 3.0  # heartbeats missed in a row, after which an owner is probably dead


class Orders(Protocol):
    """Whose orders a worker takes: the submission of its sweep to work on, which another one may follow."""

    def newest(self) -> SubmissionFolder:
        """Return it as it was found at the last look, which is not long ago."""

    def look(self) -> SubmissionFolder:
        """Return it after a new look."""


def work_until(orders: Orders, stop: Stop, index: int, workers: int) -> Counter[str]:
    """Be worker `index` of `workers` until nothing is left or it is time to stop; count how trajectories ended.

    If the owner of a trajectory has fallen silent, wait until its claim expires: perhaps nobody else will come.
    """
    endings: Counter[str] = Counter()
    while True:
        submission = orders.look()
        require_own(submission.path)
        obey_sharing(submission.store_root)
        manifest = read_manifest(submission.manifest, to_train=True)
        store = Store(submission.store_root, lease_s=manifest.lease_s, probes=True)
        outdated = partial(_is_outdated, orders, submission)
        train = partial(_drain, store, submission, stop, index, workers, outdated)
        now = drain_rungs(store, manifest, submission, stop, train, outdated)
        endings.update({name: count for name, count in now.items() if name != Tally.TOO_SHORT})
        endings[Tally.TOO_SHORT] = now[Tally.TOO_SHORT]
        if stop.requested or now[Tally.LATER] or (now[Ending.FAULT] and not now[Tally.PROGRESSED]):
            break
        if orders.look() != submission:
            continue
        if now[Ending.NOT_BEGUN] or submission.halted.exists():
            break
        if not any(now[ending] for ending in Ending):
            if not _someone_is_silent(store, orders_of(store, manifest).now()):
                break
            _sleep(manifest.heartbeat_s, stop)
    tidy_up(store, stop)
    return +endings


def _drain(
    store: Store,
    submission: SubmissionFolder,
    stop: Stop,
    index: int,
    workers: int,
    outdated: Callable[[], bool],
    manifest: Manifest,
) -> Counter[str]:
    return drain(store, manifest, submission, stop, index, workers, Pace(stop), outdated)


def _is_outdated(orders: Orders, submission: SubmissionFolder) -> bool:
    return orders.newest() != submission


def _someone_is_silent(store: Store, manifest: Manifest) -> bool:
    """Whether a trajectory is claimed by an owner that has missed several heartbeats, and may expire soon."""
    for trajectory in manifest.trajectories:
        seen = store.look(trajectory.id)
        if not seen.alive or all(run.id in seen.done for run in trajectory.runs):
            continue
        beat = last_beat(seen.folder, seen.generation)
        if beat and server_now(seen.folder.path) - beat > SILENT_HEARTBEATS * manifest.heartbeat_s:
            return True
    return False


def _sleep(seconds: float, stop: Stop) -> None:
    end = time.monotonic() + seconds
    while not stop.requested and time.monotonic() < end:
        time.sleep(min(0.5, seconds))
