"""Training on a SLURM cluster: from a plan to workers in the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Unpack

from hpcsweep.errors import SchedulerError, UsageError
from hpcsweep.launch.budget import budget_of_plan
from hpcsweep.launch.sending import Call, Sending, alone, open_sending
from hpcsweep.launch.standing import ASK, Choice
from hpcsweep.launch.submission import asks_for, manifest_of, write_submission
from hpcsweep.launch.submitted import Submitted
from hpcsweep.launch.wishes import Wishes
from hpcsweep.slurm.asking.allowance import allowance_of
from hpcsweep.slurm.asking.request import ArraySize
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.slurm.sending.bundle import keep_bundle
from hpcsweep.slurm.terms import WorkerArray
from hpcsweep.store.manifest import read_manifest
from hpcsweep.store.opening import Say, StoreSource, SweepSource, tell
from hpcsweep.store.states import RunState
from hpcsweep.store.task_files import SlurmFiles
from hpcsweep.store.wanted import write_wanted
from hpcsweep.sweep.choices import ContinueBy
from hpcsweep.sweep.runs import Trajectory, short_id

CHAIN_LINKS = 4
TRIES = 3
SHOWN_REMOVED = 5

Agree = Callable[[Sequence[str]], bool]  # asked whether to continue without these runs, which were in the sweep


def refuse_removed(removed: Sequence[str]) -> bool:
    """Refuse to submit a sweep that has lost runs since last time."""
    raise UsageError(f"{describe_removed(removed)[0]}; expected a yes to that, such as agree=lambda removed: True")


def describe_removed(removed: Sequence[str]) -> tuple[str, str]:
    """Say that these runs are no longer in the sweep, and what becomes of them."""
    some = " ".join(short_id(run_id) for run_id in removed[:SHOWN_REMOVED])
    more = " ..." if len(removed) > SHOWN_REMOVED else ""
    return (
        f"{len(removed)} runs were in the sweep last time and no longer are: {some}{more}",
        "their results stay, and workers of the sweep begin none of them any more",
    )


def submit(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    agree: Agree = refuse_removed,
    links: int | None = None,
    choice: Choice = ASK,
    shared: str | None = None,
    max_gpu_hours: float | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> Submitted:
    """Send workers for what a sweep lacks to SLURM, and return at once.

    Safe to repeat: trajectories with workers in the queue are left to them, and what is done stays done. `profile`
    replaces the sweep's, and the wishes (`time`, `workers`, `gpus`, `workers_per_gpu`, `cpus`, `mem`, `partition`,
    `account`, `qos`, `constraint`, `exclude`, `continue_by`) replace its settings, as the options of the command do.
    `links` is the length of a chain of arrays. `agree` is asked whether to continue if runs were removed from the sweep
    since last time; without it that is refused. `choice` says what becomes of results made by other code or data,
    `shared` names a group that may read and write the store from now on. `max_gpu_hours`: refuse what may need more.

    Raises UsageError for an impossible wish or profile, SchedulerError if SLURM would refuse the workers or does not
    answer, NothingSelectedError if only failed runs are left.
    """
    call = Call(source, store, profile, wishes, say, choice, shared=shared, max_gpu_hours=max_gpu_hours)
    return _send_missing(call, agree=agree, links=links)


def resume(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    failed: bool = False,
    links: int | None = None,
    choice: Choice = ASK,
    shared: str | None = None,
    max_gpu_hours: float | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> Submitted:
    """Send workers to SLURM for what is unfinished of a sweep, from its checkpoints; `failed` also tries failed runs.

    Arguments and errors are those of `submit`, but it does not ask about runs that were removed from the sweep.
    """
    call = Call(source, store, profile, wishes, say, choice, failed, shared, max_gpu_hours)
    return _send_missing(call, agree=None, links=links)


def _send_missing(call: Call, *, agree: Agree | None, links: int | None) -> Submitted:
    """Queue the workers that a sweep lacks; return as soon as SLURM has them."""
    for _ in range(TRIES):
        sending = open_sending(call, mend=True)
        nothing = Submitted(sending.sweep, sending.store)
        if not (todo := sending.todo(failed=call.failed)):
            return nothing
        size = sending.size(len(todo))
        if size.workers:
            _tell_budget(sending, todo, size.workers + size.living, call.max_gpu_hours)
        if agree and sending.plan.removed and not agree(sending.plan.removed):
            return nothing
        sending.require_slurm("submit" if agree else "resume")
        with alone(sending) as only_we:
            if only_we:
                return _send(sending, todo, size, links)
        call.say("somebody else has sent workers of this sweep meanwhile; looking again")
    raise SchedulerError("others send workers of this sweep all the time; type the same again later")


def _send(sending: Sending, todo: list[Trajectory], size: ArraySize, links: int | None) -> Submitted:
    plan, store, living = sending.plan, sending.store, size.living
    wanted = sending.wanted
    number = wanted.wish if isinstance(wanted.wish, int) else size.team
    write_wanted(store.layout, sending.sweep.name, replace(wanted, workers=number))
    nothing = Submitted(sending.sweep, store, living=living)
    orders = manifest_of(plan, store, todo, heartbeat_s=sending.profile.heartbeat_s)
    if not size.workers and sending.newest and asks_for(read_manifest(sending.newest.submission.manifest), orders):
        sending.say(f"{len(todo)} unfinished trajectories have workers already: {living} in the queue or at work")
        return nothing
    terms = sending.terms(at_once=size.bound)
    files = SlurmFiles(write_submission(plan, store, orders))
    if terms.bundle:
        keep_bundle(store.layout)
    files.write_terms(terms.to_json())
    if not size.workers:
        sending.say(f"{living} workers, in the queue or at work, take these {len(todo)} unfinished trajectories")
        return nothing
    links = (links or CHAIN_LINKS) if terms.continue_by == ContinueBy.CHAIN else 1
    sent = SLURM.send(
        files, terms, WorkerArray(size.workers, living, size.team, at_once=size.at_once), links, sending.say
    )
    arrays = tuple(str(one.array) for one in sent)
    if sending.profile.mail_user and not sending.profile.mail_type:
        problem = SLURM.mail(files.submission, terms, arrays[-1])
        sending.say(
            f"no mail will come: {problem}" if problem else f"one mail to {sending.profile.mail_user} at the end"
        )
    return Submitted(sending.sweep, store, arrays, size.workers, len(todo), living)


def _tell_budget(sending: Sending, todo: Sequence[Trajectory], workers: int, max_gpu_hours: float | None) -> None:
    """Say what the workers will use, against what the account may still use; refuse what cannot be, or too much."""
    sweep, request, limits = sending.sweep, sending.request, sending.limits
    done = {run.id for run, state in zip(sweep.runs, sending.plan.states, strict=True) if state is RunState.DONE}
    wall_s = request.minutes * 60.0
    budget = budget_of_plan(sweep, sending.profile, todo, done, sending.store, workers=workers, wall_s=wall_s)
    for line in budget.lines():
        sending.say(line)
    budget.refuse(max_gpu_hours)
    if request.gpu_count and limits.accounting and not sending.queue.problem:
        sending.say(allowance_of(limits, request.account).in_words(budget.unit))
