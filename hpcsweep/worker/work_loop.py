"""A worker: it claims the next unfinished trajectory, trains it, and goes on until nothing is left or it must stop."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from hpcsweep.machine import process_has_ended
from hpcsweep.store import Failure, Store
from hpcsweep.store.causes import Cause
from hpcsweep.store.claims import Claim, describe_owner, try_claim
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, ManifestTrajectory, read_manifest
from hpcsweep.store.results import write_failure
from hpcsweep.store.sharing import obey_sharing, require_own
from hpcsweep.store.states import MAX_DEATHS, StoredTrajectory
from hpcsweep.store.task_files import this_task
from hpcsweep.sweep.choices import Engine
from hpcsweep.sweep.command import command_of
from hpcsweep.sweep.runs import short_id
from hpcsweep.worker.command.code import CommandCode
from hpcsweep.worker.endings import Ending, Tally
from hpcsweep.worker.error_causes import message_of
from hpcsweep.worker.expected_epochs import EpochsAhead
from hpcsweep.worker.fail_fast import FailFast
from hpcsweep.worker.faults import Pauses, is_fault, patiently
from hpcsweep.worker.isolation import train_in_child
from hpcsweep.worker.pace import Pace
from hpcsweep.worker.process.at_work import ClaimsAtWork
from hpcsweep.worker.process.job_code import JobCode
from hpcsweep.worker.process.output import say, warn
from hpcsweep.worker.process.renewal import Growth, drain_in_children
from hpcsweep.worker.process.snapshot_code import SnapshotCode
from hpcsweep.worker.process.surroundings import Surroundings
from hpcsweep.worker.process.threads import pin_to_core, set_environment
from hpcsweep.worker.stop_request import Stop
from hpcsweep.worker.trajectory import TrajectoryTrainer
from hpcsweep.worker.work_order import Claims, batches, train_crew


def work(
    submission_path: str,
    index: int,
    workers: int,
    *,
    threads: int = 1,
    pin: bool = False,
    data: str | None = None,
    launcher: tuple[int, int | None] | None = None,
) -> dict[str, int]:
    """Be worker `index` of `workers` on a submission; return how many trajectories ended how.

    This is what submitit calls in a process of its own: all it is sent is this function and paths. `data` is the folder
    of the data sets if HPCSWEEP_DATA names none. `launcher` is the id and the start time of the process for which the
    worker trains: when that is gone, or the submission is cancelled, the worker writes its checkpoints and stops.
    """
    if data:
        os.environ.setdefault("HPCSWEEP_DATA", data)
    submission = SubmissionFolder(Path(submission_path))
    stop = Stop(is_abandoned=partial(_is_abandoned, submission, launcher))
    stop.listen()
    set_environment(threads)
    if pin:
        pin_to_core(index)
    require_own(submission.path)
    obey_sharing(submission.store_root)
    manifest = read_manifest(submission.manifest, to_train=True)
    if manifest.settings.backend:
        os.environ["KERAS_BACKEND"] = manifest.settings.backend
    store = Store(submission.store_root, lease_s=manifest.lease_s, probes=True)
    return dict(drain(store, manifest, submission, stop, index, workers))


def _is_abandoned(submission: SubmissionFolder, launcher: tuple[int, int | None] | None) -> bool:
    gone = launcher is not None and process_has_ended(*launcher)
    try:
        return gone or submission.cancelled.exists()
    except OSError:  # a file server that is gone has cancelled nothing
        return False


def drain(
    store: Store,
    manifest: Manifest,
    submission: SubmissionFolder,
    stop: Stop,
    index: int = 0,
    workers: int = 1,
    pace: Pace | None = None,
) -> Counter[str]:
    """Train all of `manifest` that is not done, failed or claimed by others, beginning with this worker's part."""
    pace = pace or Pace(stop)
    code, isolated = _load(store, manifest), manifest.settings.isolated
    if (
        isolated and isinstance(code, JobCode) and code.uses_keras
    ):  # what takes seconds, before the first fork, so that every child has it
        code.prepare_keras()
    at_work, fail_fast = ClaimsAtWork(), FailFast(store, manifest, submission)
    train = partial(_train_all, store, manifest, fail_fast, code, stop, index, workers, at_work, isolated=isolated)
    return train(pace) if isolated else drain_in_children(train, at_work, store, pace, stop)


def _load(store: Store, manifest: Manifest) -> SnapshotCode:
    command = command_of(manifest.job)
    return JobCode(store, manifest) if command is None else CommandCode(store, manifest, command)


def _train_all(
    store: Store,
    manifest: Manifest,
    fail_fast: FailFast,
    code: SnapshotCode,
    stop: Stop,
    index: int,
    workers: int,
    at_work: ClaimsAtWork,
    pace: Pace,
    *,
    isolated: bool,
) -> Counter[str]:
    """Train in this process until nothing is left, it is time to stop, or the process must be renewed."""
    ahead, surroundings = EpochsAhead(manifest, workers), Surroundings()
    code.after_import = surroundings.note
    trainer = TrajectoryTrainer(store, manifest, code, stop, pace, ahead, fail_fast)
    endings, growth, pauses = Counter[str](), Growth(manifest.settings.renew_gb), Pauses()
    stacked = manifest.settings.engine == Engine.STACKED and not isolated
    # A single trajectory is trained in a crew too: it may have been begun in a stack.
    train = partial(train_crew, trainer) if stacked else partial(_train_one, trainer, stop=stop, isolated=isolated)
    warm_up = _nothing if isolated else code.warm_up
    for batch in batches(manifest, index, workers, stacked=stacked):
        if stop.requested or fail_fast.halted or endings[Ending.NOT_BEGUN]:
            break
        claims: Claims = []
        try:
            claims = patiently(store.root, partial(_claim_all, store, manifest, batch, pace, warm_up))
            with at_work.during(claim for _, claim in claims):
                ended = train(claims)
        except OSError as error:
            if not is_fault(error, store.root):
                raise
            _give_back(claims)
            trainer.fault, claims, ended = message_of(error), [], [Ending.FAULT]
        endings.update(ended)
        for (trajectory, claim), ending in zip(claims, ended):
            with suppress(OSError):  # it is only what a worker says, and whether it stops early
                endings[Tally.PROGRESSED] += store.look(trajectory.id).progress_generation == claim.generation
                if ending in (Ending.DONE, Ending.FAILED, Ending.PAUSED):
                    fail_fast.ended(trajectory)
            say(f"hpcsweep: trajectory {short_id(trajectory.id)}: {ending}")
        if pauses.over(ended):
            break
        left = surroundings.restore() if claims else []
        if left:
            say(f"hpcsweep: the job has left behind or changed: {', '.join(left)}; continuing in a new process")
        if not isolated and claims and (left or growth.is_too_big()):
            endings[Tally.SPENT] += 1
            break
    if endings[Ending.FAULT]:
        warn(f"hpcsweep: paused by a fault of the machine: {trainer.fault}; the same command continues")
    endings.update({Tally.LATER: pace.later, Tally.TOO_SHORT: pace.too_short})
    return +endings


def _nothing() -> None:
    """Start nothing: each trajectory has a process of its own."""


def _train_one(trainer: TrajectoryTrainer, claims: Claims, stop: Stop, *, isolated: bool) -> list[Ending]:
    trains = [partial(trainer.train, trajectory, claim) for trajectory, claim in claims]
    return [train_in_child(train, claims[0][1], stop) if isolated else train() for train in trains]


def is_open(seen: StoredTrajectory, trajectory: ManifestTrajectory) -> bool:
    """Whether a trajectory has something left to train that nobody is training."""
    if seen.alive or seen.failed_generation > trajectory.retry or all(run.id in seen.done for run in trajectory.runs):
        return False
    return not seen.folder.cancelled.exists()


def _claim_all(
    store: Store, manifest: Manifest, batch: list[ManifestTrajectory], pace: Pace, warm_up: Callable[[], None]
) -> Claims:
    """Claim what can be claimed of a batch; if one cannot for a fault of the machine, none is claimed."""
    claims: Claims = []
    try:
        for one in batch:
            if (claim := _claim(store, manifest, one, pace, warm_up)) is not None:
                claims.append((one, claim))
    except OSError:
        _give_back(claims)
        raise
    return claims


def _give_back(claims: Claims) -> None:
    for _, claim in claims:
        with suppress(OSError):  # it then expires
            claim.give_back()


def _claim(
    store: Store, manifest: Manifest, trajectory: ManifestTrajectory, pace: Pace, warm_up: Callable[[], None]
) -> Claim | None:
    """Claim a trajectory if something of it is left to train and nobody is at work on it."""
    seen = store.look(trajectory.id)
    if not is_open(seen, trajectory) or not pace.allows(seen):
        return None
    warm_up()  # whoever dies while Keras starts has claimed nothing
    seen.folder.path.mkdir(parents=True, exist_ok=True)
    claim = try_claim(seen.folder, describe_owner(this_task() or f"pid {os.getpid()}"), manifest.lease_s)
    if claim is None:
        return None
    # Look again, now that nobody else writes: another worker may have finished it in between.
    seen = store.look(trajectory.id)
    if all(run.id in seen.done for run in trajectory.runs):
        claim.give_back()
        return None
    deaths = seen.deaths() - 1  # this claim is not a dead one
    if deaths >= MAX_DEATHS:
        write_failure(claim.folder, _gave_up(deaths, claim))
        claim.give_back()
        return None
    return claim


def _gave_up(deaths: int, claim: Claim) -> Failure:
    message = (
        f"the worker died {deaths} times in a row on this trajectory without leaving a checkpoint (killed, out of "
        "memory, or a crash in native code)"
    )
    return Failure(Cause.WORKER_DIED, message, "", claim.generation)
