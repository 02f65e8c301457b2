"""What a submission would be, without sending it: its batch script, and when its workers would start."""

from __future__ import annotations

from typing import Unpack

from hpcsweep.launch.sending import Call, open_sending
from hpcsweep.launch.wishes import Wishes
from hpcsweep.slurm.asking.when import Offer, compare_requests
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.store.opening import Say, StoreSource, SweepSource, tell


def batch_script(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> str | None:
    """Return the batch script that `submit` would send, None if there is nothing to send. Changes nothing.

    SUBMISSION and TOKEN in it stand for names that are only decided on sending.
    """
    sending = open_sending(Call(source, store, profile, wishes, say))
    if not (todo := sending.todo(failed=False)):
        return None
    size = sending.size(len(todo))
    if not size.workers:
        return None
    submission = sending.store.layout.submission(sending.sweep.name, "SUBMISSION")
    job_name, terms = f"{sending.sweep.name}.TOKEN", sending.terms(at_once=size.bound)
    return SLURM.script(terms, submission.path, submission.workers, job_name, size.workers, size.at_once)


def start_of_workers(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> str | None:
    """Return what the scheduler says about when the workers would start; None if there is nothing to send."""
    sending = open_sending(Call(source, store, profile, wishes, say))
    if not (todo := sending.todo(failed=False)):
        return None
    sending.require_slurm("submit")
    return SLURM.start(sending.request, sending.size(len(todo)).workers or 1)


def compare_starts(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> list[Offer]:
    """Return when workers with other times, GPUs and partitions would start, soonest first; none if nothing is left."""
    sending = open_sending(Call(source, store, profile, wishes, say))
    if not sending.todo(failed=False):
        return []
    sending.require_slurm("submit")
    return compare_requests(sending.request, sending.limits, SLURM.start)
