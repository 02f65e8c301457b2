"""How far a sweep is while it works: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from hpcsweep.cli.common import note
from hpcsweep.store import Store
from hpcsweep.store.states import epochs_of
from hpcsweep.sweep.runs import Run, Trajectory

LINE_EVERY_S = 10.0


@dataclass(frozen=True)
class SweepView:
    """A look at the trajectories of a sweep: how many runs are in which state, and how much is trained."""

    counts: Counter[str]
    trained: float
    total: float
    latest: str

    @property
    def ended(self) -> int:
        """The number of runs that are done or failed."""
        return self.counts["done"] + self.counts["failed"]


def view_of(store: Store, trajectories: list[Trajectory]) -> SweepView:
    """Look at the store; work is counted in epochs where the job has them, else in runs."""
    runs = [run for trajectory in trajectories for run in trajectory.runs]
    states = store.states(runs)
    counts = Counter(states.get(run.id, "new") for run in runs)
    trained = total = 0.0
    latest: dict[str, Any] = {}
    for trajectory in trajectories:
        goal = max(_work(run) for run in trajectory.runs)
        total += goal
        ended = [run for run in trajectory.runs if states.get(run.id) in ("done", "failed")]
        reached = goal if len(ended) == len(trajectory.runs) else max(map(_work, ended), default=0)
        if any(states.get(run.id) == "running" for run in trajectory.runs):
            progress = store.progress(trajectory.id) or {}
            reached = max(reached, min(goal, progress.get("epoch", 0) if progress.get("epochs") else 0))
            latest = progress or latest
        trained += reached
    return SweepView(counts, trained, total, _latest(latest))


class ProgressDisplay:
    """Shows one view after the other until it is left."""

    def __init__(self, total_runs: int, *, quiet: bool) -> None:
        self._total_runs = total_runs
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._line_due = time.monotonic()
        self._line = ""

    def __enter__(self) -> ProgressDisplay:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            self._bar = Progress(
                BarColumn(bar_width=28),
                TextColumn("{task.fields[runs]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[latest]}", style="dim"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=None, runs="starting workers", latest="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, view: SweepView) -> None:
        """Show a view, in place on a terminal; elsewhere as a line, if it is new and the last one is old enough."""
        failed = f", {view.counts['failed']} failed" if view.counts["failed"] else ""
        runs = f"{view.counts['done']}/{self._total_runs} runs done{failed}"
        if self._bar is not None:
            self._bar.update(self._task, total=view.total, completed=view.trained, runs=runs, latest=view.latest)
        elif not self._quiet and time.monotonic() >= self._line_due and runs + view.latest != self._line:
            note(f"{time.strftime('%H:%M:%S')} {runs}" + (f"; {view.latest}" if view.latest else ""))
            self._line = runs + view.latest
            self._line_due = time.monotonic() + LINE_EVERY_S


def _work(run: Run) -> int:
    return epochs_of(run.params) or 1


def _latest(progress: dict[str, Any]) -> str:
    if not progress:
        return ""
    shown = [name for name in ("val_accuracy", "val_loss", "accuracy", "loss") if name in progress["metrics"]][:2]
    shown = shown or [name for name in progress["metrics"] if name != "seconds"][:2]
    metrics = " ".join(f"{name} {progress['metrics'][name]:.4g}" for name in shown)
    epochs = f"/{progress['epochs']}" if progress.get("epochs") else ""
    return f"epoch {progress['epoch']}{epochs} {metrics}"
