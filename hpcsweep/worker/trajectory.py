"""Training one claimed trajectory: the job is called once per run, in increasing epochs. Each call continues from the
checkpoint that the one before left, so every run gets a complete result of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from hpcsweep.data.used import noting
from hpcsweep.store import Store
from hpcsweep.store.checkpoints import drop_checkpoints, has_checkpoint
from hpcsweep.store.claims import Claim
from hpcsweep.store.commits import Commits, Finished
from hpcsweep.store.manifest import Manifest, ManifestRun, ManifestTrajectory
from hpcsweep.store.results import files_of, publish_files, write_failure
from hpcsweep.sweep.runs import short_id
from hpcsweep.worker.call_job import call_job
from hpcsweep.worker.crew import Crew
from hpcsweep.worker.endings import Ending
from hpcsweep.worker.error_causes import ProgramFailedError, message_of, short_traceback
from hpcsweep.worker.expected_epochs import EpochsAhead
from hpcsweep.worker.fail_fast import FailFast
from hpcsweep.worker.faults import is_fault, patiently
from hpcsweep.worker.outcome import Freshness, failure_of, result_of, utc
from hpcsweep.worker.pace import Pace, record_cut
from hpcsweep.worker.process.job_code import seed_everything
from hpcsweep.worker.process.output import output_to, say
from hpcsweep.worker.process.snapshot_code import Job, SnapshotCode
from hpcsweep.worker.run.cut import CutRun
from hpcsweep.worker.run.folder import explain_missing, keep, limits, remove_others, working_in
from hpcsweep.worker.run.handle import ClaimLostError, RunHandle
from hpcsweep.worker.run.heartbeat import Heartbeat
from hpcsweep.worker.run.made_by import MadeBy
from hpcsweep.worker.stop_request import Stop

INTERRUPT_ARRIVES_S = 0.5  # until the worker passes on the signal that it was sent itself


TINY_S = 0.1  # a run that takes longer is written at once
TINY_BYTES = 1 << 20


@dataclass
class _Attempt:
    """One claim on a trajectory that is trained; `finished` is what is to be written together with others'."""

    trajectory: ManifestTrajectory
    claim: Claim
    heartbeat: Heartbeat
    crew: Crew | None
    finished: Finished | None = None


class TrajectoryTrainer:
    """Trains the trajectories of one manifest, one at a time, in this process."""

    def __init__(
        self,
        store: Store,
        manifest: Manifest,
        code: SnapshotCode,
        stop: Stop,
        pace: Pace,
        ahead: EpochsAhead,
        fail_fast: FailFast,
        commits: Commits,
    ) -> None:
        self._store, self._manifest, self._code, self._stop = store, manifest, code, stop
        self._commits = commits
        self._freshness = Freshness()
        self._pace, self._ahead, self._fail_fast = pace, ahead, fail_fast
        self.fault = ""  # the last that was met, in words

    def train(self, trajectory: ManifestTrajectory, claim: Claim, crew: Crew | None = None) -> Ending:
        """Train what is missing of a claimed trajectory; the claim is given back, now or with its commit.

        What a member of a crew prints is kept by the crew.
        """
        heartbeat = Heartbeat(claim, self._manifest.heartbeat_s, self._manifest.lease_s)
        attempt = _Attempt(trajectory, claim, heartbeat, crew)
        try:
            with heartbeat, output_to(claim.folder.log(claim.generation)) if crew is None else nullcontext():
                return self._train_runs(attempt)
        except ClaimLostError:
            return Ending.LOST
        except OSError as error:
            if not is_fault(error, self._store.root):
                raise
            return self._pause(error)
        finally:
            with contextlib.suppress(OSError):  # it then expires
                self._patiently(lambda: self._let_go(attempt))

    def _let_go(self, attempt: _Attempt) -> None:
        if attempt.finished:
            self._commits.hold(attempt.finished)
        elif attempt.heartbeat.check():
            attempt.claim.folder.progress.unlink(missing_ok=True)
            attempt.claim.give_back()

    def _patiently(self, action: Callable[[], Any]) -> Any:
        return patiently(self._store.root, action)

    def _pause(self, error: BaseException) -> Ending:
        self.fault = message_of(error)
        say(f"hpcsweep: paused, which is no failure of the run: {self.fault}; the same command continues it")
        return Ending.FAULT

    def _train_runs(self, attempt: _Attempt) -> Ending:
        runs, folder = attempt.trajectory.runs, attempt.claim.folder
        for run in runs:
            if attempt.claim.ticket is None and folder.has(folder.result(run.id)):
                continue
            ending = self._train_run(attempt, run)
            if ending is not Ending.DONE:
                return ending
            if self._stop.requested and run is not runs[-1]:
                return Ending.PAUSED
        if attempt.finished is None:
            with contextlib.suppress(OSError):  # they then stay, until somebody cleans the store
                self._drop_checkpoints(attempt)
        return Ending.DONE

    def _drop_checkpoints(self, attempt: _Attempt) -> None:
        """Remove the checkpoints that nobody can need, now that all results are there, unless the claim is lost."""
        trajectory, claim = attempt.trajectory, attempt.claim
        epochs = trajectory.longest_epochs if trajectory.may_go_on else None
        keeps_last = trajectory.may_go_on and (self._manifest.settings.keep or {}).get("checkpoints") != "none"
        if attempt.heartbeat.check():
            drop_checkpoints(claim.folder, claim.generation, epochs, keeps_last=keeps_last)

    def _train_run(self, attempt: _Attempt, run: ManifestRun) -> Ending:
        handle = attempt.heartbeat.reporter = self._open(attempt, run)
        generation, seed = attempt.claim.generation, attempt.trajectory.seed
        say(f"hpcsweep: {utc(time.time())} attempt {generation}, run {short_id(run.id)}: {dict(run.params)}")
        folder, is_first = attempt.claim.folder, attempt.claim.ticket is not None
        if not is_first and folder.has_results() and not has_checkpoint(folder, run.epochs):
            say("hpcsweep: no checkpoint of a shorter run was kept: this one is trained from its first epoch")
        try:
            job = self._code.function
        except BaseException as error:  # whatever a file may do while it is imported, such as sys.exit()
            return self._paused_by(error) or self._cannot_begin(error)
        try:
            seed_everything(seed, keras=self._code.uses_keras, precision=self._manifest.settings.precision)
            returned = self._call(job, handle)
            if handle.observed_stop:
                return self._stopped(attempt, handle)
            return self._keep(attempt, run, handle, returned)
        except ClaimLostError:
            raise
        except BaseException as error:
            return self._paused_by(error) or self._failed(error, attempt, run, handle)
        finally:
            handle.close()

    def _open(self, attempt: _Attempt, run: ManifestRun) -> RunHandle:
        trajectory, claim, heartbeat, crew = attempt.trajectory, attempt.claim, attempt.heartbeat, attempt.crew
        meaning = {"job": self._manifest.job, "params": trajectory.params, "seed": trajectory.seed}
        made_by = MadeBy(self._store, claim.folder, claim.generation, self._code, meaning)
        settings, ahead, study = self._manifest.settings, self._ahead.of, self._manifest.root
        kind = CutRun if settings.cut and claim.generation == 1 else RunHandle
        return kind(self._store, trajectory, run, claim, heartbeat, self._stop, settings, ahead, study, made_by, crew)

    def _call(self, job: Job, handle: RunHandle) -> Any:
        """Call the job in its working folder."""
        handle.folder.mkdir(exist_ok=True)
        handle.begin()
        handle.made_by.used.update(self._code.used_at_import)
        place = working_in(handle.folder) if self._manifest.settings.workdir == "run" else nullcontext()
        with place, noting(handle.made_by.used), self._watching(handle):
            return call_job(job, handle)

    def _stopped(self, attempt: _Attempt, handle: RunHandle) -> Ending:
        if attempt.heartbeat.lost:
            return Ending.LOST
        if handle.first_kept_s is None:
            record_cut(attempt.claim.folder, attempt.claim.generation, handle.open_s)
        return Ending.PAUSED

    def _keep(self, attempt: _Attempt, run: ManifestRun, handle: RunHandle, returned: Any) -> Ending:
        trajectory, claim, heartbeat = attempt.trajectory, attempt.claim, attempt.heartbeat
        handle.ended()
        handle.record(**keep(handle.folder, *limits(self._manifest.settings.keep)))
        result = result_of(self._manifest, trajectory, run, handle, claim, returned, self._freshness)
        if not heartbeat.check():
            raise ClaimLostError
        files = files_of(result, claim.folder, claim.generation)
        if self._is_tiny(attempt, handle, files):
            origin = self._patiently(handle.made_by.keep_elsewhere)
            attempt.finished = Finished(claim, origin, files, claim.folder.log(claim.generation))
        else:
            self._patiently(handle.made_by.keep)
            self._patiently(lambda: publish_files(claim.folder, files))
            remove_others(claim.folder, run.id, claim.generation)
        self._pace.learn(handle.open_s if handle.first_kept_s is None else handle.first_kept_s)
        return Ending.DONE

    def _is_tiny(self, attempt: _Attempt, handle: RunHandle, files: dict[str, bytes]) -> bool:
        """Whether a run is so short, and has left so little, that its result may be written with those of others."""
        alone = attempt.claim.ticket is not None and len(attempt.trajectory.runs) == 1
        quick = handle.first_kept_s is None and handle.open_s < TINY_S
        return alone and quick and sum(map(len, files.values())) <= TINY_BYTES

    def _paused_by(self, error: BaseException) -> Ending | None:
        """Return how the run pauses if the error is none of the job's: a ctrl-C or a fault of the machine."""
        if not isinstance(error, ProgramFailedError):  # whose output the log has already
            say(short_traceback())
        if isinstance(error, KeyboardInterrupt) and self._interrupted():
            return Ending.PAUSED
        return self._pause(error) if is_fault(error, self._store.root) else None

    def _cannot_begin(self, error: BaseException) -> Ending:
        self._fail_fast.job_cannot_begin(message_of(error))
        return Ending.NOT_BEGUN

    def _failed(self, error: BaseException, attempt: _Attempt, run: ManifestRun, handle: RunHandle) -> Ending:
        claim = attempt.claim
        failure = failure_of(explain_missing(error, self._manifest.root), run, handle, claim)
        try:
            self._patiently(lambda: write_failure(claim.folder, failure))
        except OSError as fault:  # a full disk has no room for the record of the failure either
            return self._pause(fault)
        return Ending.FAILED

    def _interrupted(self) -> bool:
        """Whether a ctrl-C that reached the job, because it had taken the signal over, was meant for the worker."""
        self._stop.listen()
        time.sleep(INTERRUPT_ARRIVES_S)
        return self._stop.requested

    def _watching(self, handle: RunHandle) -> AbstractContextManager[None]:
        """Watch with which weights a Keras job begins and ends."""
        if not self._code.uses_keras:
            return nullcontext()
        from hpcsweep.training.watching import watching

        return watching(handle)
