"""Training on this machine: workers are started, watched, replaced when they die, and stopped with checkpoints."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from hpcsweep.errors import SchedulerError
from hpcsweep.launch.local_workers import LocalWorkers
from hpcsweep.launch.plan import Plan, plan_of
from hpcsweep.launch.progress import Progress, progress_of
from hpcsweep.launch.standing import ASK, Choice, settled_plan
from hpcsweep.launch.submission import write_submission
from hpcsweep.machine import default_workers
from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell
from hpcsweep.sweep.load import MAX_RUNS
from hpcsweep.sweep.runs import Trajectory

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
FRUITLESS_STARTS = 3  # rounds of workers that end without a change in the store, before we give up


def run(
    source: SweepSource,
    *,
    store: StoreSource = None,
    workers: int | None = None,
    failed: bool = False,
    choice: Choice = ASK,
    max_runs: int = MAX_RUNS,
    say: Say = tell,
    watch: Callable[[Progress], None] | None = None,
) -> Plan:
    """Train all that is missing of a sweep here and now; return its plan as it is afterwards: all done, or some failed.

    `workers` is the number of processes (one a core if not given); `failed` also tries failed runs again; `choice` says
    what shall become of results that other code or data made (UsageError if there are some and nothing is said);
    `watch` gets a look at the progress several times per second at most. Workers are processes of their own, which
    import the job and nothing of the caller, so a script needs no `__main__` guard.

    Ctrl-C (KeyboardInterrupt) lets the workers write their checkpoints and is raised again; the same call goes on from
    there. SIGTERM and SIGHUP (a closed terminal) do the same, and so does any error of `say` or `watch`, such as a
    closed pipe; workers whose caller was killed notice it and stop by themselves. Signals reach only the main thread:
    called in another one, `run` trains as well, and stops in the same way when the main thread has ended.

    Raises SweepFileError or JobError for a fault in the sweep file, StoreError if the store cannot be written,
    SchedulerError if workers cannot be started.
    """
    sweep, opened = open_sweep(source, store=store, max_runs=max_runs, say=say)
    plan = settled_plan(sweep, opened, choice, failed=failed, say=say)
    todo = plan.unfinished(failed=failed)
    if not todo:
        return plan
    submission = write_submission(plan, opened, todo)
    team = LocalWorkers(sweep, submission, default_workers(len(todo), asked=workers, given=sweep.profile.workers))
    with _signals_as_interrupts():
        try:
            ended = _supervise(team, submission, opened, todo, watch or _nobody)
        except BaseException:
            _wind_down(team, say)
            raise
        if ended:
            _tidy(submission, opened, todo)
        else:
            _wind_down(team, say)
    return plan_of(sweep, opened)


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Take the signals that would end this process at once as a ctrl-C, unless the caller handles them itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in ENDING_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _nobody(progress: Progress) -> None:
    """Watch nothing."""


def _supervise(
    team: LocalWorkers,
    submission: SubmissionFolder,
    store: Store,
    todo: Sequence[Trajectory],
    watch: Callable[[Progress], None],
) -> bool:
    """Keep workers on the sweep until every run ended, replacing those that died; False if we were told to stop."""
    fruitless, before = 0, None
    team.start_missing()
    while True:
        began = time.monotonic()
        progress = progress_of(store, todo)
        watch(progress)
        running = team.running()
        if progress.ended == progress.runs and not running:
            return True
        # asked last: what ended our main thread or cancelled the submission has ended the workers, too
        if not threading.main_thread().is_alive() or submission.cancelled.exists():
            return False
        if not running:
            if _others_at_work(progress):
                time.sleep(1.0)
                continue
            fruitless, before = (fruitless + 1 if before == progress.counts else 0), progress.counts
            if fruitless >= FRUITLESS_STARTS:
                raise SchedulerError(f"workers end without training anything; the last one said: {team.last_words()}")
            team.start_missing()
        time.sleep(max(0.2, 5 * (time.monotonic() - began)))


def _others_at_work(progress: Progress) -> bool:
    return progress.counts["running"] > 0 and not (progress.counts["new"] or progress.counts["resumable"])


def _wind_down(team: LocalWorkers, say: Say) -> None:
    """Let the workers checkpoint; a second ctrl-C ends them without."""
    with suppress(OSError):  # a closed pipe or terminal may be why we stop
        say("\nstopping: the workers write their checkpoints (ctrl-C again: end them at once)")
    team.stop()
    try:
        while team.running():
            time.sleep(0.1)
    except KeyboardInterrupt:
        team.stop(at_once=True)
    with suppress(OSError):
        say("stopped; the same command goes on from here")


def _tidy(submission: SubmissionFolder, store: Store, todo: Sequence[Trajectory]) -> None:
    """Remove submitit's files of workers that have nothing left to say."""
    if all(store.failure(trajectory.id) is None for trajectory in todo):
        shutil.rmtree(submission.workers, ignore_errors=True)
