"""A worker: it claims the next unfinished trajectory, trains it, and goes on until nothing is left or it must stop."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path

from hpcsweep.machine import process_has_ended
from hpcsweep.store import Store
from hpcsweep.store.commits import EVERY_S, Commits
from hpcsweep.store.events import note_progress
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, ManifestTrajectory, read_manifest
from hpcsweep.store.packing import pack_if_many
from hpcsweep.store.sharing import obey_sharing, require_own
from hpcsweep.sweep.choices import Engine
from hpcsweep.sweep.command import command_of
from hpcsweep.sweep.runs import short_id
from hpcsweep.worker.claiming import Claimer, give_back
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
from hpcsweep.worker.process.ticker import now_and_then
from hpcsweep.worker.rungs import drain_rungs
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

    `data` is the folder of the data sets if HPCSWEEP_DATA names none. `launcher` is the id and the start time of the
    process for which the worker trains: when that is gone, or the submission is cancelled, the worker writes its
    checkpoints and stops.
    """
    submission, stop = begin(submission_path, threads=threads, data=data, launcher=launcher)
    return be_worker(submission, read_manifest(submission.manifest, to_train=True), stop, index, workers, pin=pin)


def begin(
    submission_path: str, *, threads: int, data: str | None, launcher: tuple[int, int | None] | None
) -> tuple[SubmissionFolder, Stop]:
    """Make this process fit to train, or to fork those that do; the arguments are those of `work`."""
    if data:
        os.environ.setdefault("HPCSWEEP_DATA", data)
    submission = SubmissionFolder(Path(submission_path))
    stop = Stop(is_abandoned=partial(_is_abandoned, submission, launcher))
    stop.listen()
    set_environment(threads)
    require_own(submission.path)
    obey_sharing(submission.store_root)
    return submission, stop


def be_worker(
    submission: SubmissionFolder, manifest: Manifest, stop: Stop, index: int, workers: int, *, pin: bool
) -> dict[str, int]:
    """Train in this process, on a core of its own if `pin`; return how many trajectories ended how."""
    if pin:
        pin_to_core(index)
    store = Store(submission.store_root, lease_s=manifest.lease_s, probes=True)
    endings = drain_rungs(
        store, manifest, submission, stop, lambda some: drain(store, some, submission, stop, index, workers)
    )
    tidy_up(store, stop)
    return dict(endings)


def tidy_up(store: Store, stop: Stop) -> None:
    """Pack what is finished, if there is much of it and time to do so; that it cannot be done is no fault of a run."""
    if not stop.requested:
        with suppress(OSError):
            pack_if_many(store)


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
    outdated: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Train all of `manifest` that is not done, failed or claimed by others, beginning with this worker's part.

    Nothing more is begun when it is `outdated`.
    """
    if manifest.settings.backend:
        os.environ["KERAS_BACKEND"] = manifest.settings.backend
    pace = pace or Pace(stop)
    code, isolated = load_code(store, manifest), manifest.settings.isolated
    if isolated and isinstance(code, JobCode) and code.uses_keras:
        code.prepare_keras()  # what takes seconds, before the first fork, so that every child has it
    at_work, fail_fast = ClaimsAtWork(), FailFast(store, manifest, submission)

    def train(pace: Pace) -> Counter[str]:
        return _Turns(store, manifest, fail_fast, code, stop, at_work, pace, workers, outdated).take(index)

    return train(pace) if isolated else drain_in_children(train, at_work, store, pace, stop)


def load_code(store: Store, manifest: Manifest) -> SnapshotCode:
    """Return the code of a manifest's job, read and not yet run; StoreError if it is not what was kept."""
    command = command_of(manifest.job)
    return JobCode(store, manifest) if command is None else CommandCode(store, manifest, command)


class _Turns:
    """The turns of one process: in each it claims a batch and trains it, until something ends them."""

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        fail_fast: FailFast,
        code: SnapshotCode,
        stop: Stop,
        at_work: ClaimsAtWork,
        pace: Pace,
        workers: int,
        outdated: Callable[[], bool],
    ) -> None:
        self._store, self._manifest, self._fail_fast = store, manifest, fail_fast
        self._stop, self._at_work, self._pace, self._workers = stop, at_work, pace, workers
        self._outdated = outdated
        self._isolated = manifest.settings.isolated
        self._stacked = manifest.settings.engine in (Engine.STACKED, Engine.FASTEST) and not self._isolated
        self._surroundings, self._growth, self._pauses = Surroundings(), Growth(manifest.settings.renew_gb), Pauses()
        code.after_import = self._surroundings.note
        self._commits = Commits(store)
        ahead = EpochsAhead(manifest, workers)
        self._trainer = TrajectoryTrainer(store, manifest, code, stop, pace, ahead, fail_fast, self._commits)
        warm_up = _nothing if self._isolated else code.warm_up
        self._holds = not (self._isolated or self._stacked)  # a child that is forked for a run could hold it in vain
        self._claimer = Claimer(store, manifest, pace, warm_up, self._commits.ticket if self._holds else _nothing)
        self._endings = Counter[str]()

    def take(self, index: int) -> Counter[str]:
        """Train until nothing is left, it is time to stop, or the process must be renewed; return how what ended."""
        with now_and_then(self._commit_meanwhile, EVERY_S) if self._holds else nullcontext():
            try:
                self._train_all(index)
            finally:
                self._commit()
        self._commits.close()
        if self._endings[Ending.FAULT]:
            warn(f"hpcsweep: paused by a fault of the machine: {self._trainer.fault}; the same command continues")
        self._endings.update({Tally.LATER: self._pace.later, Tally.TOO_SHORT: self._pace.too_short})
        return +self._endings

    def _train_all(self, index: int) -> None:
        for batch in batches(self._manifest, index, self._workers, stacked=self._stacked):
            if self._stop.requested or self._is_over():
                break
            claims, ended = self._train(batch)
            self._note(claims, ended)
            self._commit(self._commits.commit_if_due)
            if self._pauses.over(ended):
                break
            if claims and self._is_spent():
                self._endings[Tally.SPENT] += 1
                break

    def _commit_meanwhile(self) -> float:
        """Commit while a run is in training that takes long; what goes wrong is met again when it has ended."""
        with suppress(OSError):
            self._commits.commit_if_due(2 * EVERY_S)
        return EVERY_S

    def _commit(self, commit: Callable[[], None] | None = None) -> None:
        """Write what is held; if the machine does not let us, these runs are open again."""
        try:
            patiently(self._store.root, commit or self._commits.commit)
        except OSError as error:
            if not is_fault(error, self._store.root):
                raise
            self._trainer.fault = message_of(error)
            lost = self._commits.give_up()
            self._endings.update({Ending.DONE: -lost, Ending.FAULT: lost})

    def _is_over(self) -> bool:
        """Whether nothing more of this submission is to be begun."""
        return self._fail_fast.halted or bool(self._endings[Ending.NOT_BEGUN]) or self._outdated()

    def _train(self, batch: list[ManifestTrajectory]) -> tuple[Claims, list[Ending]]:
        """Claim what is open of a batch and train it; return what was claimed and how it ended."""
        claims: Claims = []
        try:
            claims = patiently(self._store.root, partial(self._claimer.claim_all, batch))
            with self._at_work.during(claim for _, claim in claims):
                return claims, self._train_claimed(claims)
        except OSError as error:
            if not is_fault(error, self._store.root):
                raise
            give_back(claims)
            self._trainer.fault = message_of(error)
            return [], [Ending.FAULT]

    def _train_claimed(self, claims: Claims) -> list[Ending]:
        if self._stacked:  # a single trajectory too: it may have been begun in a stack
            return train_crew(self._trainer, claims)
        trains = [(partial(self._trainer.train, trajectory, claim), claim) for trajectory, claim in claims]
        return [train_in_child(train, claim, self._stop) if self._isolated else train() for train, claim in trains]

    def _note(self, claims: Claims, ended: list[Ending]) -> None:
        self._endings.update(ended)
        for (trajectory, claim), ending in zip(claims, ended):
            with suppress(OSError):  # it is only what a worker says, and whether it stops early
                done = ending is Ending.DONE
                progressed = done or self._store.look(trajectory.id).progress_generation == claim.generation
                self._endings[Tally.PROGRESSED] += progressed
                if progressed or ending is Ending.FAILED:
                    note_progress()
                if done:
                    self._fail_fast.succeeded()
                elif ending in (Ending.FAILED, Ending.PAUSED):
                    self._fail_fast.ended(trajectory)
            say(f"hpcsweep: trajectory {short_id(trajectory.id)}: {ending}")

    def _is_spent(self) -> bool:
        """Whether this process is not fit for another turn; what the job has changed is put right as far as can be."""
        left = self._surroundings.restore()
        if left:
            say(f"hpcsweep: the job has left behind or changed: {', '.join(left)}; continuing in a new process")
        return not self._isolated and (bool(left) or self._growth.is_too_big())


def _nothing() -> None:
    """Start nothing: each trajectory has a process of its own."""
