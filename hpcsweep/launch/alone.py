"""Runs that are trained in one new process and a store of their own, so that nothing of the sweep's is touched."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hpcsweep.launch.local_workers import LocalWorkers, signals_as_interrupts
from hpcsweep.launch.plan import make_plan
from hpcsweep.launch.submission import manifest_of, write_submission
from hpcsweep.store import Result, Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.sweep.choices import Engine
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run

POLL_S = 0.1


@contextmanager
def store_for_a_while(verb: str) -> Iterator[Store]:
    """Give an empty store, which is removed after the block, whatever ends it."""
    with signals_as_interrupts(), tempfile.TemporaryDirectory(prefix=f"hpcsweep-{verb}-") as folder:
        yield Store(Path(folder))


def made_as(sweep: Sweep, result: Result) -> Sweep:
    """Return the sweep with the engine and the backend that made a result: others differ in the last bits."""
    kinds = {"engine": Engine, "backend": str}
    made_with = {name: kind(result.facts[name]) for name, kind in kinds.items() if name in result.facts}
    return replace(sweep, training=sweep.training.model_copy(update=made_with))


def one_worker(
    sweep: Sweep,
    runs: Sequence[Run],
    store: Store,
    *,
    files: Mapping[str, bytes] | None = None,
    cut: bool = False,
) -> tuple[LocalWorkers, SubmissionFolder]:
    """Return one worker, not yet started, and its submission of `runs`; `files` and `cut` as in `manifest_of`."""
    plan = make_plan(replace(sweep, runs=list(runs), halving=None, search=None), {})
    submission = write_submission(plan, store, manifest_of(plan, store, plan.trajectories, files=files, cut=cut))
    return LocalWorkers(sweep, submission, workers=1), submission


def let_work(team: LocalWorkers, look: Callable[[LocalWorkers], None] = lambda team: None) -> None:
    """Start the worker and wait for its end, looking at it several times per second; an error ends it at once."""
    team.start()
    try:
        while team.running():
            look(team)
            time.sleep(POLL_S)
    except BaseException:
        team.stop(at_once=True)
        while team.running():
            time.sleep(POLL_S)
        raise
