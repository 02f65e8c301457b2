"""Training a submission, with [halving] rung by rung: what is decided is trained, and what is trained is decided on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from hpcsweep.errors import JobError
from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.orders import admitted, ladder_of
from hpcsweep.halving.standing import Standing
from hpcsweep.store import Store
from hpcsweep.store.halts import Halt, halt
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest
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
    """Train all of `manifest` that may be trained, also what is decided meanwhile; wait while others end a rung."""
    ladder = ladder_of(store, manifest)
    if ladder is None:
        return drain(manifest)
    endings = Counter[str]()
    while (standing := _decided(ladder, submission)) is not None:
        ended = drain(admitted(manifest, standing))
        endings.update(ended)
        after = _decided(ladder, submission)
        if after is None or stop.requested or outdated() or any(ended[one] for one in ENDS):
            break
        if after == standing:
            if not _others_at_work(store, admitted(manifest, after)):
                break
            _sleep(manifest.heartbeat_s, stop)
    return endings


def _decided(ladder: Ladder, submission: SubmissionFolder) -> Standing | None:
    """Return what is decided now; None, and the submission is halted, if it cannot be."""
    try:
        return ladder.look(decide=True)
    except JobError as error:
        halt(submission, Halt(str(error)))
        return None


def _others_at_work(store: Store, manifest: Manifest) -> bool:
    looks = ((store.look(one.id), one) for one in manifest.trajectories)
    return any(seen.alive and not all(run.id in seen.done for run in one.runs) for seen, one in looks)


def _sleep(seconds: float, stop: Stop) -> None:
    end = time.monotonic() + seconds
    while not stop.requested and time.monotonic() < end:
        time.sleep(min(0.5, seconds))
