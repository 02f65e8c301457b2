"""What `submit` and `resume` share: their options, and the way from a plan to workers in SLURM's queue."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsweep.cli.common import load, make_plan_of, note, plan_line, store_of
from hpcsweep.errors import NothingSelectedError, SchedulerError, SweepFileError, UsageError
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.launch.plan import Plan
    from hpcsweep.slurm.asking.limits import ClusterLimits
    from hpcsweep.slurm.asking.request import ArraySize
    from hpcsweep.slurm.terms import Request, SlurmTerms
    from hpcsweep.slurm.watching.queue import Queue
    from hpcsweep.store import Store
    from hpcsweep.sweep.load import Sweep
    from hpcsweep.sweep.profile import Profile
    from hpcsweep.sweep.runs import Trajectory

CHAIN_LINKS = 4
SHOWN_REMOVED = 5

_OPTIONS = (
    click.option("--profile", metavar="NAME", help="A profile of jobs/profiles/ instead of the sweep's."),
    click.option("--time", "time", metavar="TIME", help='Wall time of a worker: minutes, "HH:MM:SS" or "D-HH:MM:SS".'),
    click.option("--workers", metavar="N|each", help='Size of the array; "each": one a trajectory.'),
    click.option("--gpus", type=click.IntRange(min=0), help="GPUs of a worker."),
    click.option("--workers-per-gpu", metavar="N|auto", help='Workers that share a GPU; "auto": as many as fit.'),
    click.option("--cpus", type=click.IntRange(min=1), help="CPU cores of a worker."),
    click.option("--mem", metavar="GB", help="Memory of a worker, such as 32G."),
    click.option("--partition", metavar="NAME", help="SLURM partition."),
    click.option("--account", metavar="NAME", help="SLURM account."),
    click.option("--qos", metavar="NAME", help="SLURM quality of service."),
    click.option("--constraint", metavar="TEXT", help="Node features."),
    click.option("--exclude", metavar="NODES", help="Nodes not to use, such as node[3-5]."),
    click.option(
        "--continue",
        "continue_by",
        type=click.Choice(["requeue", "resubmit", "chain", "manual"]),
        help="How unfinished work goes on when a worker's time ends.",
    ),
    click.option("--links", type=click.IntRange(min=1), help=f"Length of a chain  [default: {CHAIN_LINKS}]"),
)


def request_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a worker asks of SLURM; the function gets them as **wishes."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass
class Sending:
    """One sweep on its way to SLURM."""

    sweep: Sweep
    store: Store
    plan: Plan
    profile: Profile
    queue: Queue
    limits: ClusterLimits
    links: int = CHAIN_LINKS
    elsewhere: bool = False  # the store is not the one that other commands find by the sweep file alone

    @property
    def request(self) -> Request:
        """What each worker will ask for; a partition that allows less than the default hour gives what it allows."""
        from hpcsweep.slurm.sending.from_profile import DEFAULT_TIME_S, make_request

        partition = self.limits.partition(self.profile.partition)
        limits_s = [partition.max_s if partition else None, self.limits.user.max_wall_s]
        return make_request(self.profile, min([DEFAULT_TIME_S, *(limit for limit in limits_s if limit)]))


def open_sending(
    sweep_path: Path, store_option: str | None, wishes: dict[str, Any], *, look_only: bool = False
) -> Sending:
    """Read the sweep, the store and the cluster; unless `look_only`, see to submissions that were cut off."""
    from hpcsweep.slurm.asking.limits import ask_cluster

    named = wishes.pop("profile")
    sweep = load(sweep_path, profile=named)
    links = wishes.pop("links") or CHAIN_LINKS
    profile = overlay(sweep.profile, wishes)
    if profile.scheduler != "slurm":
        raise UsageError(
            f'profile "{profile.name}" is of this machine, expected one with scheduler = "slurm"; type: --profile '
            f"slurm, or train here: hpcsweep run {sweep_path}"
        )
    store = store_of(sweep, store_option, profile)
    if not look_only:
        _mend_interrupted(sweep, store)
    queue, limits = ask_cluster(profile.account, profile.qos)
    plan = make_plan_of(sweep, store)
    note(plan_line(plan))
    elsewhere = bool(store_option or (named and profile.store))
    return Sending(sweep, store, plan, profile, queue, limits, links, elsewhere)


def overlay(profile: Profile, wishes: dict[str, Any]) -> Profile:
    """Return the profile with the command's options laid over it, checked like a file's."""
    given = {name: value for name, value in wishes.items() if value is not None}
    renamed = {"mem": "mem_gb", "continue_by": "continue"}
    settings: dict[str, Any] = {renamed.get(name, name): value for name, value in given.items()}
    if "mem_gb" in settings:
        settings["mem_gb"] = _gigabytes(settings["mem_gb"])
    for name in ("workers", "workers_per_gpu", "time"):
        if str(settings.get(name, "")).isdecimal():
            settings[name] = int(settings[name])
    from hpcsweep.sweep.profile import Profile as ProfileModel
    from hpcsweep.sweep.toml_problems import validate

    try:
        checked = validate(ProfileModel, settings, "options")
    except SweepFileError as error:
        option, _, found = f"{error}".removeprefix("options: ").partition(":")
        raise UsageError(f"--{option.replace('_', '-')}:{found}") from None
    return profile.model_copy(update={name: getattr(checked, name) for name in checked.model_fields_set})


def _gigabytes(text: str) -> float:
    units = {"": 1.0, "G": 1.0, "GB": 1.0, "M": 0.001, "MB": 0.001, "T": 1000.0, "TB": 1000.0}
    number = text.rstrip("GMTBgmtb")
    try:
        return float(number) * units[text[len(number) :].upper()]
    except (ValueError, KeyError):
        raise UsageError(f'--mem: found "{text}", expected gigabytes, such as 32 or 32G') from None


def _mend_interrupted(sweep: Sweep, store: Store) -> None:
    """Adopt, cancel or forget what a submission that was cut off has left in the queue, and say so."""
    from hpcsweep.slurm.sending.submit import describe_recovered, recover
    from hpcsweep.store.task_files import slurm_submissions

    for files in slurm_submissions(store.layout, sweep.name):
        for one in recover(files):
            note(describe_recovered(one))


def uncovered(sending: Sending, *, failed: bool) -> list[Trajectory]:
    """Return the trajectories with something left that no queued or running worker will see to."""
    from hpcsweep.slurm.watching.view import covered_trajectories

    todo = sending.plan.unfinished(failed=failed)
    covered = covered_trajectories(sending.store, sending.sweep.name, sending.queue)
    left = [one for one in todo if one.id not in covered and not sending.store.look(one.id).alive]
    if len(left) < len(todo):
        note(f"{len(todo) - len(left)} of {len(todo)} unfinished trajectories have workers already")
    return left


def confirm_removed(sending: Sending, *, yes: bool) -> None:
    """Show which runs were removed from the file since last time, and ask before going on."""
    removed = sending.plan.removed
    if not removed or yes:
        return
    some = " ".join(short_id(run_id) for run_id in removed[:SHOWN_REMOVED])
    more = " ..." if len(removed) > SHOWN_REMOVED else ""
    note(f"{len(removed)} runs were in the sweep last time and are no more: {some}{more}")
    note("their results stay, and workers in the queue go on with them (hpcsweep cancel RUN stops one)")
    if not sys.stdin.isatty():
        raise UsageError("runs were removed from the sweep; expected a yes to that; type: --yes")
    if not click.confirm("submit the others?", err=True):
        raise click.Abort


def size_of(sending: Sending, trajectories: int) -> ArraySize:
    """Refuse what the cluster would refuse, and return the size of the array."""
    from hpcsweep.slurm.asking.request import choose_workers, refuse_impossible

    refuse_impossible(sending.request, sending.limits)
    size = choose_workers(sending.profile.workers, trajectories, sending.profile.max_workers, sending.limits)
    for line in (*sending.limits.unknown, *size.notes):
        note(line)
    return size


def terms_of(sending: Sending, size: ArraySize) -> SlurmTerms:
    """Return the terms on which an array of this size goes to SLURM."""
    from hpcsweep.slurm.sending.from_profile import make_terms

    return make_terms(sending.profile, sending.request, at_once=size.at_once, accounting=sending.limits.accounting)


def script_of(sending: Sending, size: ArraySize) -> str:
    """Return the batch script that `send` would submit; SUBMISSION and TOKEN stand for what only that decides."""
    from hpcsweep.slurm.sending.script import script_text

    submission = sending.store.layout.submission(sending.sweep.name, "SUBMISSION")
    job_name = f"{sending.sweep.name}.TOKEN"
    return script_text(terms_of(sending, size), submission.path, submission.workers, job_name, size.workers)


def send(sending: Sending, todo: list[Trajectory], size: ArraySize) -> None:
    """Write the submission down and queue its workers; returns as soon as SLURM has them."""
    from hpcsweep.launch.submission import write_submission
    from hpcsweep.slurm.sending.submit import WorkerArray, submit_chain
    from hpcsweep.store.task_files import SlurmFiles

    if sending.queue.problem:
        raise SchedulerError(
            f"SLURM does not answer ({sending.queue.problem}); nothing was submitted; type the same again later, or "
            f"train on this machine: hpcsweep run {sending.sweep.path}"
        )
    terms = terms_of(sending, size)
    submission = write_submission(sending.plan, sending.store, todo, heartbeat_s=sending.profile.heartbeat_s)
    files = SlurmFiles(submission)
    files.write_terms(terms.to_json())
    links = sending.links if terms.continue_by == "chain" else 1
    sent = submit_chain(files, terms, WorkerArray(size.workers), links)
    arrays = " -> ".join(str(one.array) for one in sent)
    what = f"{size.workers} worker{'s' if size.workers > 1 else ''}"
    trajectories = f"{len(todo)} trajector{'ies' if len(todo) > 1 else 'y'}"
    where = f" --store {shlex.quote(str(sending.store.root))}" if sending.elsewhere else ""
    click.echo(f"array {arrays}: {what} for {trajectories}; see: hpcsweep status {sending.sweep.path}{where}")


def nothing_to_do(sending: Sending, *, failed: bool) -> None:
    """Say why there is nothing to submit."""
    counts = sending.plan.counts
    if counts["failed"] and not failed:
        raise NothingSelectedError(
            f"nothing is left but {counts['failed']} failed runs; see why: hpcsweep status {sending.sweep.path}; "
            f"try them again: hpcsweep resume --failed {sending.sweep.path}"
        )
    note("nothing to submit")
