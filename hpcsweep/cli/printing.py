"""How the verbs print values: tables, files, the runs of a sweep, and SLURM's side of it."""

from __future__ import annotations

import shutil
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from hpcsweep.cli.options import echo, note
from hpcsweep.files import printable, write_atomic
from hpcsweep.metrics import metrics_among
from hpcsweep.store.causes import Cause, Why
from hpcsweep.store.states import FINISHED, RunState
from hpcsweep.sweep.runs import short_id

if TYPE_CHECKING:
    from hpcsweep.launch.advice import Advice
    from hpcsweep.launch.status import RunStatus, Status
    from hpcsweep.slurm.watching.deaths import Death
    from hpcsweep.slurm.watching.view import SlurmView

SHOWN_RUNS = 20
SHOWN_WORKERS = 8
UNLIMITED = 10_000  # characters: in a file, a table is as wide as it needs to be


def table_width(*, to_file: bool = False) -> int:
    """Return how wide a table may be, in characters."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() and not to_file else UNLIMITED


def deliver(text: str, out: Path | None) -> None:
    """Print `text`, or write it to the file `out` and say so on stderr."""
    if out is None:
        echo(text, nl=False)
    else:
        write_atomic(out, printable(text).encode())
        note(f"wrote {out}")


def print_status(status: Status) -> None:
    """Print how many runs are in which state, those in training, the failed ones by cause, and SLURM's workers."""
    for line in (status.in_words(), *status.rungs):
        echo(line)
    for run in status.in_state(RunState.RUNNING)[:SHOWN_RUNS]:
        metrics = " ".join(f"{name}={run.metrics[name]:.4g}" for name in metrics_among(run.metrics))
        epoch = "before its first epoch" if run.epoch is None else f"epoch {run.epoch}"
        stage = run.stage.in_words() if run.stage else epoch
        echo(f"  {short_id(run.id)}  running  {stage}  {metrics}".rstrip())
    if status.processes:
        more = f" and {len(status.processes) - SHOWN_WORKERS} more" if len(status.processes) > SHOWN_WORKERS else ""
        echo(f"  workers: {', '.join(status.processes[:SHOWN_WORKERS])}{more}")
    _print_doubts(status)
    _print_failures(status)
    if status.workers:
        print_workers(status.workers, status.advice)
    if status.spent and status.spent.allocations:
        finished = sum(run.state in FINISHED for run in status.runs)
        echo(f"  {status.spent.in_words(finished)}")


def _print_doubts(status: Status) -> None:
    """Print what was not made by today's code and data, or not from a fresh model, or may be at work, and why."""
    by_doubt = Counter((run.state, run.doubt) for run in status.runs if run.doubt)
    for (state, doubt), count in by_doubt.items():
        echo(f"  {count} {state}: {doubt}")


def _print_failures(status: Status) -> None:
    """Print the failed runs by the kind of their cause, the most frequent first, with the command that helps."""
    by_cause: dict[Why | None, list[RunStatus]] = defaultdict(list)
    for run in status.in_state(RunState.FAILED):
        by_cause[run.why and run.why.kind].append(run)
    advice = status.advice
    for kind, runs in sorted(by_cause.items(), key=lambda one: -len(one[1])):
        why, ids = runs[0].why, [short_id(run.id) for run in runs]
        such = "" if len({run.why for run in runs}) == 1 else f", such as {why.message}" if why else ""
        echo(f"  {len(ids)} failed: {(kind if such else why) or 'unknown cause'}{such}")
        echo(f"    {' '.join(ids[:4])}{' ...' if len(ids) > 4 else ''}  see: {advice.logs(ids[0])}")
        if advice.on_slurm:
            cause = why.cause if why else Cause.UNKNOWN
            echo(f"    {advice.fill(cause.advice, run=ids[0], used_gb=max(run.used_gb for run in runs))}")
    if by_cause and not advice.on_slurm:
        echo(f"  try them again: {advice.retry_here}")


def print_workers(view: SlurmView, advice: Advice) -> None:
    """Print who waits and why, who runs where, who died of what, and the command that helps."""
    if view.running or view.pending:
        echo(f"  workers: {len(view.running)} running, {len(view.pending)} waiting")
    for task in view.running[:SHOWN_WORKERS]:
        echo(f"    {task.name} runs on {task.node} since {task.start.replace('T', ' ')}")
    if len(view.running) > SHOWN_WORKERS:
        echo(f"    ... and {len(view.running) - SHOWN_WORKERS} more")
    for reason, tasks in view.reasons():
        mark = "STUCK: " if reason.stuck else ""
        arrays = sorted({task.array for task in tasks})
        helps = f"; {advice.fill(reason.advice, arrays=arrays)}" if reason.advice else ""
        echo(f"    {len(tasks)} waiting: {mark}{reason.words}{helps}")
    for cause, deaths in view.deaths_by_cause().items():
        _print_deaths(cause, deaths, advice, finished=view.finished)
    for one in view.notes:
        echo(f"  {one.in_words(advice.fill)}")


def _print_deaths(cause: Cause, deaths: list[Death], advice: Advice, *, finished: bool) -> None:
    some = " ".join(death.task for death in deaths[:4])
    nodes = sorted({death.node for death in deaths if death.node})
    ended = f"{len(deaths)} worker{'s' if len(deaths) > 1 else ''} ended"
    echo(f"  {ended}: {cause.words} ({some}, node {','.join(nodes) or '?'})")
    for said in dict.fromkeys(death.said for death in deaths if death.said):
        echo(f"    {said}")
    if finished:
        echo("    nothing is left for it to do")
    elif all(death.again for death in deaths):
        echo("    it starts again by itself, or another has taken its place")
    else:
        used_gb = max(death.used_gb for death in deaths)
        echo(f"    {advice.fill(cause.advice, task=deaths[0].task, nodes=nodes, used_gb=used_gb)}")
