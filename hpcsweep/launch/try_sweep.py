"""Trying a sweep before it is trained: one run, two epochs, killed by force and continued, in a store of its own."""

from __future__ import annotations

import time
from dataclasses import replace

from hpcsweep.errors import NothingSelectedError
from hpcsweep.launch.alone import let_work, made_as, one_worker, store_for_a_while
from hpcsweep.launch.measured import keep_tried
from hpcsweep.launch.memory import PeakMemory
from hpcsweep.launch.trial import Trial
from hpcsweep.launch.verify import differences
from hpcsweep.machine import default_workers
from hpcsweep.metrics import metrics_among
from hpcsweep.results.query.where import parse_condition
from hpcsweep.store import Result, Store
from hpcsweep.store.checkpoints import list_checkpoints
from hpcsweep.store.halts import halt_of
from hpcsweep.store.opening import Say, SweepSource, open_sweep, tell
from hpcsweep.suggest.of_sweep import foreseen
from hpcsweep.sweep.choices import EPOCHS, SEED
from hpcsweep.sweep.command import require_program
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run, epochs_of, group_trajectories, short_id
from hpcsweep.sweep.value_types import MismatchError

TRIED_EPOCHS = 2
LOOK_AROUND_S = 60.0  # of training, that other seeds and values may take


def try_sweep(source: SweepSource, *, run: str = "", where: str | None = None, say: Say = tell) -> Trial:
    """Train one run of a sweep for two epochs, undisturbed and killed by force, and say what was found.

    The run is the first whose id begins with `run` and that fulfils the condition `where`. It is trained in a temporary
    store; the sweep's own only gets a note of what it cost, for predictions. A job without a parameter `epochs` is
    trained to its end. Where that takes little time, the same point with another seed, and with another value of each
    parameter, is trained too.

    Raises SweepFileError or JobError for a fault in the sweep file, or a program that is not there;
    NothingSelectedError if no run is chosen.
    """
    sweep, own_store = open_sweep(source, say=say)
    require_program(sweep.job.reference, sweep.job.files)
    sweep = foreseen(sweep, own_store)
    chosen = _chosen(sweep, run, where)
    tried, asked = _shortened(sweep, chosen)
    if not asked:
        say(f"the job takes no epochs = {TRIED_EPOCHS}: the whole run is trained (ctrl-C ends this)")
    trajectories = group_trajectories(sweep.runs, sweep.job.shares_epochs)
    trial = Trial(
        sweep,
        tried,
        asked,
        None,
        workers=default_workers(len(trajectories), asked=None, given=sweep.profile.workers),
        trainings=len(trajectories),
        epochs=sum(max(epochs_of(one.params) or 0 for one in trajectory.runs) for trajectory in trajectories),
    )
    trial = _undisturbed(trial, say)
    if trial.result is None:
        return trial
    trial = _killed(trial, trial.result, say)
    others: list[Result] = []
    if not trial.problem and trial.result:
        trial, others = _looked_around(trial, trial.result, chosen, say)
    results = [one for one in (trial.result, *others) if one]
    keep_tried(sweep.job.reference, own_store, [(one, trial.keeps) for one in results])
    return trial


def _chosen(sweep: Sweep, prefix: str, where: str | None) -> Run:
    condition = parse_condition(where, (*sweep.job.names, SEED)) if where else None
    for run in sweep.runs:
        if run.id.startswith(prefix.lower()) and (not condition or condition({**run.params, SEED: run.seed})):
            return run
    raise NothingSelectedError(
        f"{sweep.shown}: no run fits; list them: hpcsweep plan SWEEP --all, and choose by --run ID or --where"
    )


def _shortened(sweep: Sweep, run: Run) -> tuple[Run, bool]:
    """Return the run with two epochs, and whether its job takes so many."""
    if epochs_of(run.params) is None:
        return run, False
    try:
        sweep.job.parameter(EPOCHS).kind.accept(TRIED_EPOCHS)
    except MismatchError:
        return run, False
    values = tuple(TRIED_EPOCHS if name == EPOCHS else value for name, value in run.params.items())
    return run._replace(values=values), True


def _undisturbed(trial: Trial, say: Say) -> Trial:
    say(f"training run {short_id(trial.run.id)} undisturbed")
    memory, began = PeakMemory(), time.monotonic()
    with store_for_a_while("try") as store:
        team, submission = one_worker(trial.sweep, [trial.run], store)
        let_work(team, lambda team: memory.look(team.controllers()))
        whole_s = time.monotonic() - began
        result, problem = _outcome(store, trial.run)
        halted = halt_of(submission)
        if result is None:
            return replace(trial, problem=halted.in_words if halted else problem or team.last_words())
    around_s = max(whole_s - float(result.facts["time_s"]), 0.0)
    return replace(trial, result=result, around_s=around_s, peak_gb=memory.gb)


def _killed(trial: Trial, undisturbed: Result, say: Say) -> Trial:
    say("training it again; its worker is killed by force once there is a checkpoint, and another one goes on")
    with store_for_a_while("try") as store:
        team, _ = one_worker(made_as(trial.sweep, undisturbed), [trial.run], store, cut=True)
        let_work(team)
        kept = list_checkpoints(store.folder(trial.run.trajectory).names())
        trial = replace(trial, kept_epoch=kept[-1].epoch if kept else None)
        let_work(team)
        result, problem = _outcome(store, trial.run)
    if result is None:
        return replace(trial, problem=problem or team.last_words())
    return replace(trial, differences=tuple(differences(undisturbed, result)))


def _outcome(store: Store, run: Run) -> tuple[Result | None, str]:
    """Return the result of a run, or None and how it failed."""
    folder = store.folder(run.trajectory)
    if folder.has(folder.result(run.id)):
        return store.result(run), ""
    failure = store.failure(run.trajectory)
    return None, f"{failure.why}\n{failure.traceback}".strip() if failure else ""


def _looked_around(trial: Trial, result: Result, chosen: Run, say: Say) -> tuple[Trial, list[Result]]:
    """Train the points beside the run, if there is time, and see which of them make no difference; return them, too."""
    beside = _neighbours(trial.sweep, chosen)
    if not beside:
        return trial, []
    needed_s = float(result.facts["time_s"]) * len(beside)
    if needed_s > LOOK_AROUND_S:
        return replace(trial, not_compared=f"{len(beside)} more runs would take about {needed_s:.0f} s"), []
    say(f"training it with another {', '.join(beside)}")
    runs = {name: _shortened(trial.sweep, run)[0] for name, run in beside.items()}
    with store_for_a_while("try") as store:
        let_work(one_worker(made_as(trial.sweep, result), list(runs.values()), store)[0])
        outcomes = {name: _outcome(store, run) for name, run in runs.items()}
    alike = tuple(name for name, (other, _) in outcomes.items() if other is not None and _same_numbers(result, other))
    failed = {
        f"{name}={runs[name].params.get(name, runs[name].seed)}": why or "its worker died"
        for name, (other, why) in outcomes.items()
        if other is None
    }
    return replace(trial, alike=alike, failed=failed), [other for other, _ in outcomes.values() if other]


def _neighbours(sweep: Sweep, run: Run) -> dict[str, Run]:
    """Return, by the name of what differs, the first run that differs from `run` in this alone; not in its epochs."""
    found: dict[str, Run] = {}
    here = {**run.params, SEED: run.seed}
    for other in sweep.runs:
        there = {**other.params, SEED: other.seed}
        names = [name for name in here if here[name] != there[name] and name != EPOCHS]
        if len(names) == 1:
            found.setdefault(names[0], other)
    if SEED not in found:
        found[SEED] = run._replace(seed=run.seed + 1 if run.seed == 0 else run.seed - 1)
    return found


def _same_numbers(one: Result, other: Result) -> bool:
    """Whether two results agree to the bit in all metrics, logged and returned, of which there are some."""
    if one.metrics.keys() != other.metrics.keys() or not (one.metrics or metrics_among(one.history)):
        return False
    return not differences(one, replace(other, facts=one.facts, arrays=one.arrays))
