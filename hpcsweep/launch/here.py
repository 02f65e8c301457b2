"""Training on this machine: workers are started, watched, replaced when they die, and stopped with checkpoints."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from hpcsweep.errors import JobError, SchedulerError, to_type
from hpcsweep.halving.of_sweep import ladder_of_sweep
from hpcsweep.launch.local_workers import LocalWorkers, signals_as_interrupts
from hpcsweep.launch.plan import TO_TRAIN, Plan, plan_of
from hpcsweep.launch.prediction import epochs_in_s
from hpcsweep.launch.progress import Progress, progress_of
from hpcsweep.launch.standing import ASK, Choice, settled_plan
from hpcsweep.launch.submission import manifest_of, write_submission
from hpcsweep.machine import default_workers
from hpcsweep.slurm.sending.script import refuse_patterns
from hpcsweep.store import Store
from hpcsweep.store.claims import owner_in_words
from hpcsweep.store.halts import halt_of
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell, words_of_sweep
from hpcsweep.store.sharing import share
from hpcsweep.store.states import RunState
from hpcsweep.suggest.of_sweep import Admitted
from hpcsweep.sweep.command import require_program
from hpcsweep.sweep.load import MAX_RUNS, Sweep
from hpcsweep.sweep.runs import Trajectory, short_id

FRUITLESS_STARTS = 3  # rounds of workers that end without changing the store, before we give up


def run(
    source: SweepSource,
    *,
    store: StoreSource = None,
    workers: int | None = None,
    failed: bool = False,
    choice: Choice = ASK,
    shared: str | None = None,
    max_runs: int = MAX_RUNS,
    say: Say = tell,
    watch: Callable[[Progress], None] | None = None,
) -> Plan:
    """Train all that is missing of a sweep here and now; return its plan as it is afterwards: all done, or some failed.

    `workers` is the number of processes, by default one per core; `failed` also tries failed runs again; `choice` says
    what becomes of results made by other code or data (UsageError if there are any and nothing is said); `shared` is a
    group that may read and write the store from now on; `watch` is
    shown the progress, at most several times per second. Workers are processes of their own, which import the job and
    nothing of the caller, so a script needs no `__main__` guard.

    Ctrl-C (KeyboardInterrupt) lets the workers write their checkpoints, and is raised again; the same call continues
    from there. SIGTERM and SIGHUP (a closed terminal) do the same, and so does any error of `say` or `watch`, such as a
    closed pipe. Workers whose caller was killed notice it and stop by themselves. Signals reach only the main thread:
    in another thread, `run` trains as well, and stops in the same way when the main thread has ended.

    Raises SweepFileError or JobError for a fault in the sweep file or a program that is not there, StoreError if the
    store cannot be written, SchedulerError if workers cannot be started, JobError if the job cannot begin: its file
    cannot be imported, or the first runs all fail alike before they log anything; then no other run is begun.
    """
    sweep, opened = open_sweep(source, store=store, max_runs=max_runs, say=say)
    refuse_patterns(opened.layout.root)
    if shared:
        share(opened.root, shared)
    plan = settled_plan(sweep, opened, choice, failed=failed, say=say)
    sweep = plan.sweep
    todo = plan.unfinished(failed=failed)
    if not todo:
        return plan_of(sweep, opened) if _decided_something(sweep, opened) else plan
    require_program(sweep.job.reference, sweep.job.files)
    submission = write_submission(plan, opened, manifest_of(plan, opened, todo))
    team = LocalWorkers(sweep, submission, default_workers(len(todo), asked=workers, given=sweep.profile.workers))
    with signals_as_interrupts():
        try:
            ended = _supervise(sweep, team, submission, opened.probing(), todo, watch or _nobody, say)
        except BaseException:
            _wind_down(team, say)
            raise
        if ended:
            _tidy(submission, opened, todo)
        else:
            _wind_down(team, say)
    if why := halt_of(submission):
        again = to_type("run", *(["--failed"] if why.failed else []), *words_of_sweep(sweep, opened))
        raise JobError(f"{sweep.shown}: {why.in_words}; when that is mended, type: {again}")
    return plan_of(sweep, opened)


def _decided_something(sweep: Sweep, store: Store) -> bool:
    """Decide what can be of a sweep with [halving] of which all is trained, so no worker will; False if nothing."""
    ladder = ladder_of_sweep(sweep, store)
    return ladder is not None and ladder.look() != ladder.look(decide=True)


def _nobody(progress: Progress) -> None:
    """Watch nothing."""


def _supervise(
    sweep: Sweep,
    team: LocalWorkers,
    submission: SubmissionFolder,
    store: Store,
    todo: Sequence[Trajectory],
    watch: Callable[[Progress], None],
    say: Say,
) -> bool:
    """Keep workers on the sweep until every run has ended or none can begin; False if we were told to stop."""
    fruitless, before = 0, None
    epoch_s = epochs_in_s(sweep, todo, store)
    waiting, admitted = _Waiting(store, todo, say), Admitted(sweep, store)
    left, named = {one.id for one in todo}, {run.trajectory for run in sweep.runs}
    team.start()
    while True:
        began = time.monotonic()
        now = [one for one in admitted.now() if one.id in left or one.id not in named]
        progress = progress_of(store, now, epoch_s, team.size)
        watch(progress)
        running = team.running()
        if progress.ended == progress.runs and not running:
            return True
        # asked last: whatever ended our main thread or cancelled the submission has also ended the workers
        if not threading.main_thread().is_alive() or submission.cancelled.exists():
            return False
        if not running:
            if submission.halted.exists():
                return True
            if _others_at_work(progress):
                waiting.tell()
                time.sleep(1.0)
                continue
            fruitless, before = (fruitless + 1 if before == progress.counts else 0), progress.counts
            if fruitless >= FRUITLESS_STARTS:
                raise SchedulerError(f"workers end without training anything; the last one said: {team.last_words()}")
            team.start()
        time.sleep(max(0.2, 5 * (time.monotonic() - began)))


def _others_at_work(progress: Progress) -> bool:
    return progress.counts[RunState.RUNNING] > 0 and not any(progress.counts[state] for state in TO_TRAIN)


class _Waiting:
    """Says whom we wait for, once for all those that are at work."""

    def __init__(self, store: Store, todo: Sequence[Trajectory], say: Say) -> None:
        self._store, self._todo, self._say = store, todo, say
        self._told: set[str] = set()

    def tell(self) -> None:
        """Name those who train what is left and were not named yet."""
        looks = [self._store.look(trajectory.id) for trajectory in self._todo]
        owned = {seen.folder.path.name: owner_in_words(seen.folder, seen.generation) for seen in looks if seen.alive}
        for trajectory_id in owned.keys() - self._told:
            self._say(
                f"waiting for trajectory {short_id(trajectory_id)}, trained by {owned[trajectory_id]}; if that is "
                f"silent for {self._store.lease_s:.0f} s, it is taken over"
            )
        self._told |= owned.keys()


def _wind_down(team: LocalWorkers, say: Say) -> None:
    """Let the workers write checkpoints; a second ctrl-C ends them at once."""
    with suppress(OSError):  # perhaps we stop because a pipe or terminal was closed
        say("\nstopping: the workers write their checkpoints (press ctrl-C again to end them at once)")
    team.stop()
    try:
        while team.running():
            time.sleep(0.1)
    except KeyboardInterrupt:
        team.stop(at_once=True)
    with suppress(OSError):
        say("stopped; the same command continues from here")


def _tidy(submission: SubmissionFolder, store: Store, todo: Sequence[Trajectory]) -> None:
    """Remove submitit's files of workers that have ended well."""
    if all(store.failure(trajectory.id) is None for trajectory in todo):
        shutil.rmtree(submission.workers, ignore_errors=True)
