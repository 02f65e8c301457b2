"""Training a submission step by step, where [halving] or [suggest] decides what comes next from what was trained."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from hpcsweep.errors import JobError, MissingPackageError
from hpcsweep.store import Store
from hpcsweep.store.halts import Halt, halt
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest
from hpcsweep.suggest.orders import Orders, orders_of
from hpcsweep.worker.endings import Ending, Tally
from hpcsweep.worker.stop_request import Stop

Drain = Callable[[Manifest], Counter[str]]
ENDS = (Tally.LATER, Ending.FAULT, Ending.NOT_BEGUN)  # after any of these a worker has nothing more to do here


def drain_rungs(
    store: Store,
    manifest: Manifest,
    submission: SubmissionFolder,
    stop: Stop,
    drain: Drain,
    outdated: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Train all of `manifest` that may be trained, also what is decided meanwhile; wait while others end what must."""
    orders = orders_of(store, manifest)
    endings = Counter[str]()
    while (now := _decided(orders, submission)) is not None:
        ended = drain(now)
        endings.update(ended)
        after = _decided(orders, submission)
        if after is None or stop.requested or outdated() or any(ended[one] for one in ENDS):
            break
        if after == now:
            if not manifest.settings.decides or not _others_at_work(store, after):
                break
            _sleep(manifest.heartbeat_s, stop)
    return endings


def _decided(orders: Orders, submission: SubmissionFolder) -> Manifest | None:
    """Return what may be trained now; None, and the submission is halted, if that cannot be decided."""
    try:
        return orders.now(decide=True)
    except (JobError, MissingPackageError) as error:
        halt(submission, Halt(str(error)))
        return None


def _others_at_work(store: Store, manifest: Manifest) -> bool:
    looks = ((store.look(one.id), one) for one in manifest.trajectories)
    return any(seen.alive and not all(run.id in seen.done for run in one.runs) for seen, one in looks)


def _sleep(seconds: float, stop: Stop) -> None:
    end = time.monotonic() + seconds
    while not stop.requested and time.monotonic() < end:
        time.sleep(min(0.5, seconds))
