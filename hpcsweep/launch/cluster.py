"""Training on a SLURM cluster: from a plan to workers in the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Unpack

from hpcsweep.errors import NothingSelectedError, SchedulerError, UsageError, to_type
from hpcsweep.launch.html import page
from hpcsweep.launch.plan import Plan
from hpcsweep.launch.standing import ASK, Choice, settled_plan
from hpcsweep.launch.submission import write_submission
from hpcsweep.launch.wishes import Wishes, overlay
from hpcsweep.slurm.asking.limits import ClusterLimits, ask_cluster
from hpcsweep.slurm.asking.request import ArraySize, choose_workers, refuse_impossible
from hpcsweep.slurm.asking.when import Offer, compare_requests
from hpcsweep.slurm.sending.from_profile import DEFAULT_TIME_S, make_request, make_terms
from hpcsweep.slurm.sending.script import script_text
from hpcsweep.slurm.sending.submit import WorkerArray, describe_recovered, expected_start, recover, submit_chain
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.slurm.watching.queue import Queue
from hpcsweep.slurm.watching.view import covered_trajectories
from hpcsweep.store import Store
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell, words_of_profile, words_of_sweep
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.profile import Profile
from hpcsweep.sweep.runs import Trajectory, short_id

CHAIN_LINKS = 4
SHOWN_REMOVED = 5

Agree = Callable[[Sequence[str]], bool]  # asked whether to go on although runs of these ids are no more in the sweep


@dataclass(frozen=True)
class Submitted:
    """The arrays that were sent to SLURM, in the order in which they will run; none if nothing was left to do."""

    sweep: Sweep
    store: Store
    arrays: tuple[str, ...] = ()
    workers: int = 0
    trajectories: int = 0

    def in_words(self) -> str:
        """Return what was sent as a line for people, empty if nothing was."""
        if not self.arrays:
            return ""
        what = f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        trajectories = f"{self.trajectories} trajector{'ies' if self.trajectories > 1 else 'y'}"
        see = to_type("status", *words_of_sweep(self.sweep, self.store))
        return f"array {' -> '.join(self.arrays)}: {what} for {trajectories}; see: {see}"

    def _repr_html_(self) -> str:
        return page(self.in_words() or "nothing to submit")


def refuse_removed(removed: Sequence[str]) -> bool:
    """Refuse to submit a sweep that has lost runs since last time."""
    raise UsageError(f"{describe_removed(removed)[0]}; expected a yes to that, such as agree=lambda removed: True")


def describe_removed(removed: Sequence[str]) -> tuple[str, str]:
    """Return in words that these runs are no more in the sweep, and what becomes of them."""
    some = " ".join(short_id(run_id) for run_id in removed[:SHOWN_REMOVED])
    more = " ..." if len(removed) > SHOWN_REMOVED else ""
    return (
        f"{len(removed)} runs were in the sweep last time and are no more: {some}{more}",
        "their results stay, and workers in the queue go on with them (hpcsweep cancel RUN stops one)",
    )


def submit(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    agree: Agree = refuse_removed,
    links: int | None = None,
    choice: Choice = ASK,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> Submitted:
    """Send workers for what a sweep lacks to SLURM, and return at once.

    Safe to repeat: what has workers in the queue is left to them, what is done stays done. `profile` names another than
    the sweep's; `links` is the length of a chain of arrays; the wishes (`time`, `workers`, `gpus`, `workers_per_gpu`,
    `cpus`, `mem`, `partition`, `account`, `qos`, `constraint`, `exclude`, `continue_by`) are laid over it as the
    command's options are. `agree` is asked whether to go on when runs were removed from the sweep since last time; by
    default that is refused. `choice` says what shall become of results that other code or data made.

    Raises UsageError for a wish or profile that will not do, SchedulerError if SLURM would refuse the workers or does
    not answer, NothingSelectedError if only failed runs are left.
    """
    call = _Call(source, store, profile, wishes, say, choice)
    return _send_missing(call, agree=agree, links=links)


def resume(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    failed: bool = False,
    links: int | None = None,
    choice: Choice = ASK,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> Submitted:
    """Send workers to SLURM for what is unfinished of a sweep, from its checkpoints; `failed` also tries failed runs.

    Arguments and errors are those of `submit`; that runs were removed from the sweep is no reason to ask.
    """
    return _send_missing(_Call(source, store, profile, wishes, say, choice, failed), agree=None, links=links)


def batch_script(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> str | None:
    """Return the batch script that `submit` would send, None if there is nothing to send; nothing is changed.

    SUBMISSION and TOKEN in it stand for what only sending decides.
    """
    sending = _open(_Call(source, store, profile, wishes, say))
    if not (todo := sending.uncovered(failed=False)):
        return None
    size = sending.size(len(todo))
    submission = sending.store.layout.submission(sending.sweep.name, "SUBMISSION")
    job_name = f"{sending.sweep.name}.TOKEN"
    return script_text(sending.terms(size), submission.path, submission.workers, job_name, size.workers)


def start_of_workers(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> str | None:
    """Return the scheduler's words on when the workers would start, None if there is nothing to send."""
    sending = _open(_Call(source, store, profile, wishes, say))
    if not (todo := sending.uncovered(failed=False)):
        return None
    return expected_start(sending.request, sending.size(len(todo)).workers)


def compare_starts(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    say: Say = tell,
    **wishes: Unpack[Wishes],
) -> list[Offer]:
    """Return when workers of other times, GPUs and partitions would start, soonest first; none if nothing is left."""
    sending = _open(_Call(source, store, profile, wishes, say))
    return compare_requests(sending.request, sending.limits) if sending.uncovered(failed=False) else []


@dataclass(frozen=True)
class _Call:
    """What the caller of any of these functions said."""

    source: SweepSource
    store: StoreSource
    profile: str | None
    wishes: Wishes
    say: Say
    choice: Choice = ASK
    failed: bool = False


@dataclass(frozen=True)
class _Sending:
    """One sweep on its way to SLURM."""

    sweep: Sweep
    store: Store
    plan: Plan
    profile: Profile
    queue: Queue
    limits: ClusterLimits
    say: Say

    @property
    def request(self) -> Request:
        """What each worker will ask for; a partition that allows less than the default hour gives what it allows."""
        partition = self.limits.partition(self.profile.partition)
        limits_s = [partition.max_s if partition else None, self.limits.user.max_wall_s]
        return make_request(self.profile, min([DEFAULT_TIME_S, *(limit for limit in limits_s if limit)]))

    def uncovered(self, *, failed: bool) -> list[Trajectory]:
        """Return the trajectories with something left that no queued or running worker will see to."""
        todo = self.plan.unfinished(failed=failed)
        covered = covered_trajectories(self.store, self.sweep.name, self.queue)
        left = [one for one in todo if one.id not in covered and not self.store.look(one.id).alive]
        if len(left) < len(todo):
            self.say(f"{len(todo) - len(left)} of {len(todo)} unfinished trajectories have workers already")
        if not left:
            self._say_why_nothing(failed=failed)
        return left

    def _say_why_nothing(self, *, failed: bool) -> None:
        counts, words = self.plan.counts, words_of_sweep(self.sweep, self.store)
        if counts["failed"] and not failed:
            raise NothingSelectedError(
                f"nothing is left but {counts['failed']} failed runs; see why: {to_type('status', *words)}; "
                f"try them again: {to_type('resume', '--failed', *words_of_profile(self.sweep), *words)}"
            )
        self.say("nothing to submit")

    def size(self, trajectories: int) -> ArraySize:
        """Refuse what the cluster would refuse, and return the size of the array."""
        refuse_impossible(self.request, self.limits)
        size = choose_workers(self.profile.workers, trajectories, self.profile.max_workers, self.limits)
        for line in (*self.limits.unknown, *size.notes):
            self.say(line)
        return size

    def terms(self, size: ArraySize) -> SlurmTerms:
        """Return the terms on which an array of this size goes to SLURM."""
        return make_terms(self.profile, self.request, at_once=size.at_once, accounting=self.limits.accounting)


def _open(call: _Call, *, mend: bool = False) -> _Sending:
    """Read the sweep, the store and the cluster; with `mend`, see to submissions that were cut off."""
    sweep, store = open_sweep(call.source, store=call.store, profile=call.profile, say=call.say)
    profile = overlay(sweep.profile, call.wishes)
    if profile.scheduler != "slurm":
        raise UsageError(
            f'profile "{profile.name}" is of this machine, expected one with scheduler = "slurm"; type: --profile '
            f"slurm, or train here: {to_type('run', *words_of_sweep(sweep, store))}"
        )
    if mend:
        _mend_interrupted(sweep, store, call.say)
    queue, limits = ask_cluster(profile.account, profile.qos)
    plan = settled_plan(sweep, store, call.choice if mend else ASK, failed=call.failed, say=call.say)
    return _Sending(sweep, store, plan, profile, queue, limits, call.say)


def _mend_interrupted(sweep: Sweep, store: Store, say: Say) -> None:
    """Adopt, cancel or forget what a submission that was cut off has left in the queue, and say so."""
    for files in slurm_submissions(store.layout, sweep.name):
        for one in recover(files):
            say(describe_recovered(one))


def _send_missing(call: _Call, *, agree: Agree | None, links: int | None) -> Submitted:
    """Write a submission down and queue its workers; returns as soon as SLURM has them."""
    sending = _open(call, mend=True)
    todo = sending.uncovered(failed=call.failed)
    if not todo:
        return Submitted(sending.sweep, sending.store)
    size = sending.size(len(todo))
    removed = sending.plan.removed
    if agree and removed and not agree(removed):
        return Submitted(sending.sweep, sending.store)
    if sending.queue.problem:
        raise SchedulerError(
            f"SLURM does not answer ({sending.queue.problem}); nothing was submitted; type the same again later, or "
            f"train on this machine: {to_type('run', *words_of_sweep(sending.sweep, sending.store))}"
        )
    terms = sending.terms(size)
    submission = write_submission(sending.plan, sending.store, todo, heartbeat_s=sending.profile.heartbeat_s)
    files = SlurmFiles(submission)
    files.write_terms(terms.to_json())
    links = (links or CHAIN_LINKS) if terms.continue_by == "chain" else 1
    sent = submit_chain(files, terms, WorkerArray(size.workers), links)
    arrays = tuple(str(one.array) for one in sent)
    return Submitted(sending.sweep, sending.store, arrays, size.workers, len(todo))
