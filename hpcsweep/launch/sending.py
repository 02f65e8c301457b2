"""One sweep on its way to SLURM: what is left of it, what a worker asks for, and what the cluster allows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from hpcsweep.errors import NothingSelectedError, SchedulerError, UsageError, shell, to_type
from hpcsweep.launch.plan import Plan
from hpcsweep.launch.standing import ASK, Choice, settled_plan
from hpcsweep.launch.wishes import Wishes, overlay
from hpcsweep.slurm.asking.limits import ClusterLimits
from hpcsweep.slurm.asking.request import ArraySize, choose_workers, refuse_impossible
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.slurm.sending.bundle import bundle_path
from hpcsweep.slurm.sending.from_profile import DEFAULT_TIME_S, make_request, make_terms, needs_bundle
from hpcsweep.slurm.sending.script import refuse_patterns
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.slurm.watching.living import Workforce, following, look_at_workforce
from hpcsweep.slurm.watching.queue import Queue
from hpcsweep.store import Store
from hpcsweep.store.claims import hold_patiently, holding
from hpcsweep.store.manifest import read_manifest
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, words_of_profile, words_of_sweep
from hpcsweep.store.sharing import share
from hpcsweep.store.states import RunState
from hpcsweep.store.task_files import SlurmFiles, slurm_submissions
from hpcsweep.store.wanted import Wanted, read_wanted
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.profile import Profile
from hpcsweep.sweep.runs import Trajectory

PATIENCE_S = 60.0  # for another submission of the same sweep


@dataclass(frozen=True)
class Call:
    """What the caller of any of these functions asked for."""

    source: SweepSource
    store: StoreSource
    profile: str | None
    wishes: Wishes
    say: Say
    choice: Choice = ASK
    failed: bool = False
    shared: str | None = None
    max_gpu_hours: float | None = None


@dataclass(frozen=True)
class Sending:
    """One sweep on its way to SLURM; `asked` is the number of workers that an option has asked for.

    `submissions`, oldest first, and what was `sent` of them, are as they were before SLURM was asked.
    """

    sweep: Sweep
    store: Store
    plan: Plan
    profile: Profile
    asked: int | str | None
    submissions: list[SlurmFiles]
    sent: list[str]
    queue: Queue
    limits: ClusterLimits
    say: Say

    @property
    def request(self) -> Request:
        """What each worker will ask for: by default one hour, or less if the partition allows less."""
        partition = self.limits.partition(self.profile.partition)
        limits_s = [partition.max_s if partition else None, self.limits.user.max_wall_s]
        return make_request(self.profile, min([DEFAULT_TIME_S, *(limit for limit in limits_s if limit)]))

    @cached_property
    def workforce(self) -> Workforce:
        """The living workers of the sweep, and which of them would follow a submission of now."""
        return look_at_workforce(self.submissions, self.queue, self.terms(at_once=1))

    @cached_property
    def newest(self) -> SlurmFiles | None:
        """The newest submission whose orders these workers follow."""
        return following(self.submissions, self.terms(at_once=1))

    def todo(self, *, failed: bool) -> list[Trajectory]:
        """Return the trajectories that workers are to train: all that are left, less those of other users' workers."""
        wanted = {one.id for one in self.plan.unfinished(failed=failed)} | self._still_to_retry()
        owners = {one: self.store.probing().owner_at_work(one) for one in wanted}
        here = {one for one, owner in owners.items() if owner and not owner.get("events")}
        elsewhere = here | (self.workforce.covered & wanted)
        if elsewhere:
            self.say(f"{len(elsewhere)} of {len(wanted)} unfinished trajectories have workers already")
        if not wanted - elsewhere:
            self._say_why_nothing(failed=failed)
        return [one for one in self.plan.trajectories if one.id in wanted - elsewhere]

    def _still_to_retry(self) -> set[str]:
        """Return the failed trajectories that were to be tried again, and have not been yet."""
        if self.newest is None:
            return set()
        again = [one for one in read_manifest(self.newest.submission.manifest).trajectories if one.retry]
        return {one.id for one in again if self.store.look(one.id).failed_generation == one.retry}

    def require_slurm(self, verb: str) -> None:
        """Raise SchedulerError, one line with where and how this can be done, unless SLURM has answered."""
        if not self.queue.problem:
            return
        words = words_of_sweep(self.sweep, self.store)
        here = f"or train on this machine: {to_type('run', *words)}"
        if not self.queue.absent:
            why = f"SLURM does not answer ({self.queue.problem}); nothing was submitted; type the same again later"
            raise SchedulerError(f"{why}, {here}")
        there = f"{shell('cd', Path.cwd())} && {to_type(verb, *words_of_profile(self.sweep), *words)}"
        raise SchedulerError(
            f"SLURM's commands are not on this machine ({self.queue.problem}), as in a container; nothing was "
            f"submitted; expected a login node; type there: {there}; {here}"
        )

    def _say_why_nothing(self, *, failed: bool) -> None:
        counts, words = self.plan.counts, words_of_sweep(self.sweep, self.store)
        if counts[RunState.FAILED] and not failed:
            raise NothingSelectedError(
                f"only {counts[RunState.FAILED]} failed runs are left; see why: {to_type('status', *words)}; "
                f"try them again: {to_type('resume', '--failed', *words_of_profile(self.sweep), *words)}"
            )
        self.say("nothing to submit")

    @property
    def wanted(self) -> Wanted:
        """How many workers are asked for, and by whom; the number in it is settled when the array's size is."""
        given = self.sweep.profile.workers
        if self.asked is not None:
            return Wanted(0, self.asked, given)
        return (read_wanted(self.store.layout, self.sweep.name) or Wanted(0, None, given)).now(given)

    def size(self, trajectories: int) -> ArraySize:
        """Refuse what the cluster would refuse, and return how many workers are lacking."""
        refuse_impossible(self.request, self.limits)
        wanted, force = self.wanted, self.workforce
        size = choose_workers(wanted.wish, trajectories, self.profile.max_workers, self.limits, force)
        for line in (*force.unread, *self.limits.unknown, *size.notes, *_ignored()):
            self.say(line)
        if wanted.asked not in (None, self.asked, wanted.instead_of):
            self.say(f"{wanted.asked} workers are wanted, as was asked for before; {self._to_change}")
        if force.apart:
            self.say(f"{len(force.apart)} workers with other resources go on with what they were sent for")
        if isinstance(wanted.wish, int) and len(force.following) > wanted.wish:
            self.say(f"{len(force.following)} workers live, and {wanted.wish} are wanted; {self._to_change}")
        return size

    @property
    def _to_change(self) -> str:
        return f"to change that: {to_type('scale', *words_of_sweep(self.sweep, self.store), 'N')}"

    def terms(self, *, at_once: int) -> SlurmTerms:
        """Return the terms on which workers go to SLURM, `at_once` of them at a time; 0: as many as there are."""
        bundle = bundle_path(self.store.layout) if needs_bundle(self.profile) else None
        data = self.sweep.data_folder
        binds = [self.store.root, self.sweep.root, *([data] if self.profile.data or data.is_dir() else [])]
        terms = make_terms(
            self.profile,
            self.request,
            at_once=at_once,
            accounting=self.limits.accounting,
            bundle=bundle,
            binds=binds,
        )
        return replace(terms, training=self.sweep.training.model_dump_json(), report=self._report())

    def _report(self) -> str:
        """Return the command that writes the report; "" if the profile does not wish it."""
        page = self.sweep.root / f"{self.sweep.name}-report.html"
        words = ("report", self.sweep.path.absolute(), "--store", self.store.root, "--out", page)
        begin = (sys.executable, "-c", "from hpcsweep.cli import main; main()")
        return shell(*begin, *words) if self.profile.report else ""


def open_sending(call: Call, *, mend: bool = False) -> Sending:
    """Read the sweep, the store and the cluster; with `mend`, settle submissions that were cut off."""
    sweep, store = open_sweep(call.source, store=call.store, profile=call.profile, say=call.say)
    profile = overlay(sweep.profile, call.wishes)
    if profile.scheduler != "slurm":
        words = words_of_sweep(sweep, store)
        here = "this machine has SLURM, but no profile of a cluster is named" if SLURM.is_here() else "no SLURM is here"
        raise UsageError(
            f'profile "{profile.name}" is for this machine, expected one of a cluster ({here}); type: '
            f"{to_type('submit', '--profile', 'slurm', *words)}, or have a profile written for your cluster: "
            f"{to_type('profile', 'new')}, or train here: {to_type('run', *words)}"
        )
    refuse_patterns(store.layout.workforce(sweep.name).path)
    if mend and call.shared:
        share(store.root, call.shared)
    if mend:
        _mend_interrupted(sweep, store, call.say)
    submissions = slurm_submissions(store.layout, sweep.name)
    sent = _sent(submissions)
    queue, limits = SLURM.limits(profile.account, profile.qos, submissions)
    store = store if mend else store.foreseeing()
    plan = settled_plan(sweep, store, call.choice if mend else ASK, failed=call.failed, say=call.say)
    if plan.sweep.search and mend and needs_bundle(profile):
        call.say(
            "suggest: workers ask for points, with another Python than this: without Optuna in it, they stop at once"
        )
    asked = profile.workers if call.wishes.get("workers") is not None else None
    return Sending(plan.sweep, store, plan, profile, asked, submissions, sent, queue, limits, call.say)


@contextmanager
def alone(sending: Sending) -> Iterator[bool]:
    """Send workers of the sweep during the block, as nobody else does; False if somebody has since it was opened."""
    sending.store.create()
    layout, sweep = sending.store.layout, sending.sweep.name
    with hold_patiently(layout.workforce(sweep), "sending workers", sending.store.lease_s, PATIENCE_S) as claim:
        yield claim is not None and _sent(slurm_submissions(layout, sweep)) == sending.sent


def _sent(submissions: list[SlurmFiles]) -> list[str]:
    """Return what has been sent of a sweep, by names: its submissions, and the arrays of the newest."""
    arrays = [str(sent.array) for files in submissions[-1:] for sent in files.arrays()]
    return [files.path.name for files in submissions] + arrays


def _ignored() -> list[str]:
    """Return a line on variables that sbatch would have taken over, if there are any: a profile says it instead."""
    names = ", ".join(SLURM.ignored())
    return [f"not used for the workers: {names}; say it in the profile, or by an option"] if names else []


def _mend_interrupted(sweep: Sweep, store: Store, say: Say) -> None:
    """Adopt or forget whatever a submission that was cut off has left in the queue, and say so."""
    interrupted = [files for files in slurm_submissions(store.layout, sweep.name) if files.interrupted()]
    if not interrupted:
        return
    with holding(store.layout.workforce(sweep.name), "mending", store.lease_s) as claim:
        for files in interrupted if claim else ():  # otherwise somebody is sending them just now
            for one in SLURM.recover(files):
                say(one.in_words())
