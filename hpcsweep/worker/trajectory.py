"""Training one claimed trajectory: the job is called once per run, in increasing epochs. Each call continues from the
checkpoint that the one before left, so every run gets a complete result of its own."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from hpcsweep.data.used import noting
from hpcsweep.files import canonical_json, publish
from hpcsweep.metrics import has_diverged, metrics_among
from hpcsweep.store import Failure, Result, Store
from hpcsweep.store.claims import Claim, read_owner
from hpcsweep.store.manifest import Manifest, ManifestRun, ManifestTrajectory
from hpcsweep.store.results import publish_result, write_failure
from hpcsweep.store.states import RunState
from hpcsweep.sweep.runs import short_id
from hpcsweep.worker.call_job import call_job
from hpcsweep.worker.crew import Crew
from hpcsweep.worker.endings import Ending
from hpcsweep.worker.error_causes import ProgramFailedError, cause_of_error, message_of, short_traceback, told_of
from hpcsweep.worker.expected_epochs import EpochsAhead
from hpcsweep.worker.fail_fast import FailFast
from hpcsweep.worker.faults import is_fault, patiently
from hpcsweep.worker.pace import Pace, record_cut
from hpcsweep.worker.process.job_code import seed_everything
from hpcsweep.worker.process.output import output_to, say
from hpcsweep.worker.process.snapshot_code import Job, SnapshotCode
from hpcsweep.worker.run.cut import CutRun
from hpcsweep.worker.run.folder import explain_missing, keep, limits, remove_others, working_in
from hpcsweep.worker.run.handle import ClaimLostError, RunHandle
from hpcsweep.worker.run.heartbeat import Heartbeat
from hpcsweep.worker.run.made_by import MadeBy
from hpcsweep.worker.run.real_number import real_metrics
from hpcsweep.worker.stop_request import Stop

INTERRUPT_ARRIVES_S = 0.5  # until the worker passes on the signal that it was sent itself


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
    ) -> None:
        self._store, self._manifest, self._code, self._stop = store, manifest, code, stop
        self._ends: dict[Any, tuple[str, str]] = {}  # weights that a run of this process ended with: run, trajectory
        self._pace, self._ahead, self._fail_fast = pace, ahead, fail_fast
        self.fault = ""  # the last that was met, in words

    def train(self, trajectory: ManifestTrajectory, claim: Claim, crew: Crew | None = None) -> Ending:
        """Train what is missing of a claimed trajectory; the claim is given back whatever happens.

        What a member of a crew prints is kept by the crew.
        """
        folder = claim.folder
        heartbeat = Heartbeat(claim, self._manifest.heartbeat_s, self._manifest.lease_s)
        try:
            self._patiently(lambda: publish(folder.meaning, self._meaning(trajectory)))
            with heartbeat, output_to(folder.log(claim.generation)) if crew is None else nullcontext():
                return self._train_runs(trajectory, claim, heartbeat, crew)
        except ClaimLostError:
            return Ending.LOST
        except OSError as error:
            if not is_fault(error, self._store.root):
                raise
            return self._pause(error)
        finally:
            with contextlib.suppress(OSError):  # it then expires
                self._patiently(lambda: _give_back(claim, heartbeat))

    def _patiently(self, action: Callable[[], Any]) -> Any:
        return patiently(self._store.root, action)

    def _pause(self, error: BaseException) -> Ending:
        self.fault = message_of(error)
        say(f"hpcsweep: paused, which is no failure of the run: {self.fault}; the same command continues it")
        return Ending.FAULT

    def _train_runs(
        self, trajectory: ManifestTrajectory, claim: Claim, heartbeat: Heartbeat, crew: Crew | None
    ) -> Ending:
        for run in trajectory.runs:
            if claim.folder.result(run.id).exists():
                continue
            ending = self._train_run(trajectory, run, claim, heartbeat, crew)
            if ending is not Ending.DONE:
                return ending
            if self._stop.requested and run is not trajectory.runs[-1]:
                return Ending.PAUSED
        return Ending.DONE

    def _train_run(
        self,
        trajectory: ManifestTrajectory,
        run: ManifestRun,
        claim: Claim,
        heartbeat: Heartbeat,
        crew: Crew | None,
    ) -> Ending:
        settings, ahead = self._manifest.settings, self._ahead.of
        study, made_by = self._manifest.root, MadeBy(self._store, claim.folder, claim.generation, self._code)
        kind = CutRun if settings.cut and claim.generation == 1 else RunHandle
        handle = kind(self._store, trajectory, run, claim, heartbeat, self._stop, settings, ahead, study, made_by, crew)
        heartbeat.reporter = handle
        say(f"hpcsweep: {_utc(time.time())} attempt {claim.generation}, run {short_id(run.id)}: {dict(run.params)}")
        try:
            job = self._code.function
        except BaseException as error:  # whatever a file may do while it is imported, such as sys.exit()
            say(short_traceback())
            if isinstance(error, KeyboardInterrupt) and self._interrupted():
                return Ending.PAUSED
            if is_fault(error, self._store.root):
                return self._pause(error)
            self._fail_fast.job_cannot_begin(message_of(error))
            return Ending.NOT_BEGUN
        try:
            seed_everything(trajectory.seed, keras=self._code.uses_keras, precision=settings.precision)
            returned = self._call(job, handle, run)
            if handle.observed_stop:
                if heartbeat.lost:
                    return Ending.LOST
                if handle.first_kept_s is None:
                    record_cut(claim.folder, claim.generation, handle.open_s)
                return Ending.PAUSED
            handle.ended()
            handle.record(**keep(handle.folder, *limits(settings.keep)))
            result = self._result(trajectory, run, handle, claim, _final_metrics(returned, handle))
            if not heartbeat.check():
                raise ClaimLostError
            made_by.keep()
            self._patiently(lambda: publish_result(claim.folder, result, claim.generation))
            remove_others(claim.folder, run.id, claim.generation)
            self._pace.learn(handle.open_s if handle.first_kept_s is None else handle.first_kept_s)
        except ClaimLostError:
            raise
        except BaseException as error:
            if not isinstance(error, ProgramFailedError):  # whose output the log has already
                say(short_traceback())
            if isinstance(error, KeyboardInterrupt) and self._interrupted():
                return Ending.PAUSED
            if is_fault(error, self._store.root):
                return self._pause(error)
            failure = _failure(explain_missing(error, study), run, handle, claim)
            try:
                self._patiently(lambda: write_failure(claim.folder, failure))
            except OSError as fault:  # a full disk has no room for the record of the failure either
                return self._pause(fault)
            return Ending.FAILED
        finally:
            handle.close()
        return Ending.DONE

    def _call(self, job: Job, handle: RunHandle, run: ManifestRun) -> Any:
        """Call the job in its working folder."""
        handle.folder.mkdir(exist_ok=True)
        handle.begin()
        handle.made_by.used.update(self._code.used_at_import)
        place = working_in(handle.folder) if self._manifest.settings.workdir == "run" else nullcontext()
        with place, noting(handle.made_by.used), self._watching(handle):
            return call_job(job, handle)

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

    def _began_where(self, run: ManifestRun, trajectory: str, handle: RunHandle) -> dict[str, str]:
        """Say, at once and in the result, if a run began with the weights that another run of this process ended with.

        A longer run of the same trajectory may do so, if it went on from a checkpoint.
        """
        initial, final = (handle.facts.get(f"{which}_weights_sha256") for which in ("initial", "final"))
        other, of = self._ends.get(initial, ("", ""))
        if isinstance(final, str):
            self._ends[final] = run.id, trajectory
        if not other or (of == trajectory and handle.restored):
            return {}
        say(
            f"hpcsweep: WARNING: run {short_id(run.id)} began with the weights that run {short_id(other)} ended with: "
            "its model was not built anew; build it inside the job function"
        )
        return {"began_where": other}

    def _result(
        self,
        trajectory: ManifestTrajectory,
        run: ManifestRun,
        handle: RunHandle,
        claim: Claim,
        metrics: dict[str, float],
    ) -> Result:
        history = handle.history_columns()
        attempts = [_attempt(claim, number) for number in range(1, claim.generation + 1)]
        lost = handle.diverged or has_diverged(metrics)
        return Result(
            id=run.id,
            trajectory=trajectory.id,
            job=self._manifest.job,
            seed=trajectory.seed,
            params=dict(run.params),
            outcome=RunState.DIVERGED if lost else RunState.DONE,
            epoch=int(history["epoch"][-1]) if len(history["epoch"]) else None,
            metrics=metrics,
            facts={
                "device": "cpu",
                **handle.facts,
                **handle.made_by.facts(),
                "restored": handle.restored,
                **self._began_where(run, trajectory.id, handle),
                "time_s": handle.elapsed_s,
                "started": _utc(attempts[0]["since"]),
                "ended": _utc(time.time()),
                "host": platform.node(),
                "study": str(self._manifest.root),
                "python": platform.python_version(),
                "commit": self._manifest.settings.commit,
                "job_sha256": self._manifest.settings.job_sha256,
                "attempts": attempts,
            },
            history=history,
            arrays=handle.arrays,
        )

    def _meaning(self, trajectory: ManifestTrajectory) -> bytes:
        meaning = {"job": self._manifest.job, "params": trajectory.params, "seed": trajectory.seed}
        return (canonical_json(meaning) + "\n").encode()


def _give_back(claim: Claim, heartbeat: Heartbeat) -> None:
    if heartbeat.check():
        claim.folder.progress.unlink(missing_ok=True)
        claim.give_back()


def _final_metrics(returned: Any, handle: RunHandle) -> dict[str, float]:
    """Return the job's final metrics: what it returned, or the last that it logged."""
    if returned is None:
        logged = handle.last_metrics()
        returned = {name: logged[name] for name in metrics_among(logged)}
    return real_metrics(returned, "the job")


def _failure(error: BaseException, run: ManifestRun, handle: RunHandle, claim: Claim) -> Failure:
    logged = handle.restored or bool(handle.history["epoch"])
    said, told = message_of(error), told_of(error)
    return Failure(cause_of_error(error), said, told, claim.generation, run.id, time.time(), logged)


def _attempt(claim: Claim, generation: int) -> dict[str, Any]:
    owner = read_owner(claim.folder, generation)
    return {"generation": generation, **{key: owner.get(key) for key in ("worker", "host", "pid", "since")}}


def _utc(time_s: float | None) -> str | None:
    """Return seconds since 1970 as ISO 8601; None for an attempt about which nothing is known."""
    return None if time_s is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))
