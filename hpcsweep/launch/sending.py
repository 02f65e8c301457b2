"""One sweep on its way to SLURM: what is left of it, what a worker asks for, and what the cluster allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpcsweep.errors import NothingSelectedError, SchedulerError, UsageError, shell, to_type
from hpcsweep.launch.plan import Plan
from hpcsweep.launch.standing import ASK, Choice, settled_plan
from hpcsweep.launch.wishes import Wishes, overlay
from hpcsweep.slurm.asking.limits import ClusterLimits, ask_cluster
from hpcsweep.slurm.asking.request import ArraySize, choose_workers, refuse_impossible
from hpcsweep.slurm.sending.bundle import bundle_path
from hpcsweep.slurm.sending.from_profile import DEFAULT_TIME_S, make_request, make_terms, needs_bundle
from hpcsweep.slurm.sending.submit import describe_recovered, ignored_variables, recover
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.slurm.watching.queue import Queue
from hpcsweep.slurm.watching.view import covered_trajectories
from hpcsweep.store import Store
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, words_of_profile, words_of_sweep
from hpcsweep.store.sharing import share
from hpcsweep.store.states import RunState
from hpcsweep.store.task_files import slurm_submissions
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.profile import Profile
from hpcsweep.sweep.runs import Trajectory


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


@dataclass(frozen=True)
class Sending:
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
        """What each worker will ask for: by default one hour, or less if the partition allows less."""
        partition = self.limits.partition(self.profile.partition)
        limits_s = [partition.max_s if partition else None, self.limits.user.max_wall_s]
        return make_request(self.profile, min([DEFAULT_TIME_S, *(limit for limit in limits_s if limit)]))

    def uncovered(self, *, failed: bool) -> list[Trajectory]:
        """Return the trajectories with something left to train that no queued or running worker will train."""
        todo = self.plan.unfinished(failed=failed)
        covered = covered_trajectories(self.store, self.sweep.name, self.queue)
        store = self.store.probing()
        left = [one for one in todo if one.id not in covered and not store.look(one.id).alive]
        if len(left) < len(todo):
            self.say(f"{len(todo) - len(left)} of {len(todo)} unfinished trajectories have workers already")
        if not left:
            self._say_why_nothing(failed=failed)
        return left

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

    def size(self, trajectories: int) -> ArraySize:
        """Refuse what the cluster would refuse, and return the size of the array."""
        refuse_impossible(self.request, self.limits)
        size = choose_workers(self.profile.workers, trajectories, self.profile.max_workers, self.limits)
        for line in (*self.limits.unknown, *size.notes, *_ignored()):
            self.say(line)
        return size

    def terms(self, size: ArraySize) -> SlurmTerms:
        """Return the terms on which an array of this size goes to SLURM."""
        bundle = bundle_path(self.store.layout) if needs_bundle(self.profile) else None
        data = self.sweep.data_folder
        binds = [self.store.root, self.sweep.root, *([data] if self.profile.data or data.is_dir() else [])]
        return make_terms(
            self.profile,
            self.request,
            at_once=size.at_once,
            accounting=self.limits.accounting,
            bundle=bundle,
            binds=binds,
        )


def open_sending(call: Call, *, mend: bool = False) -> Sending:
    """Read the sweep, the store and the cluster; with `mend`, settle submissions that were cut off."""
    sweep, store = open_sweep(call.source, store=call.store, profile=call.profile, say=call.say)
    profile = overlay(sweep.profile, call.wishes)
    if profile.scheduler != "slurm":
        words = words_of_sweep(sweep, store)
        raise UsageError(
            f'profile "{profile.name}" is for this machine, expected one of a cluster; type: '
            f"{to_type('submit', '--profile', 'slurm', *words)}, or train here: {to_type('run', *words)}"
        )
    if mend and call.shared:
        share(store.root, call.shared)
    if mend:
        _mend_interrupted(sweep, store, call.say)
    queue, limits = ask_cluster(profile.account, profile.qos)
    plan = settled_plan(sweep, store, call.choice if mend else ASK, failed=call.failed, say=call.say)
    return Sending(sweep, store, plan, profile, queue, limits, call.say)


def _ignored() -> list[str]:
    """Return a line on variables that sbatch would have taken over, if there are any: a profile says it instead."""
    names = ", ".join(ignored_variables())
    return [f"not used for the workers: {names}; say it in the profile, or by an option"] if names else []


def _mend_interrupted(sweep: Sweep, store: Store, say: Say) -> None:
    """Adopt, cancel or forget whatever a submission that was cut off has left in the queue, and say so."""
    for files in slurm_submissions(store.layout, sweep.name):
        for one in recover(files):
            say(describe_recovered(one))
