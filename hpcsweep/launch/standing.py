"""What becomes of results that were made by other code or data: they are neither kept nor replaced without a word.

A verb that trains stops with one line and the choices; whatever somebody chooses is written down.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hpcsweep.code.closure import files_of_job
from hpcsweep.code.version import version_of
from hpcsweep.errors import JobError, StoreError, UsageError, to_type
from hpcsweep.launch.plan import Plan, plan_of
from hpcsweep.store import Store
from hpcsweep.store.aside import put_aside
from hpcsweep.store.made_by import accept
from hpcsweep.store.opening import words_of_sweep
from hpcsweep.store.states import RunState
from hpcsweep.store.today import Judgement, Today
from hpcsweep.suggest.of_sweep import begin, require_to_begin
from hpcsweep.sweep.load import Sweep
from hpcsweep.sweep.runs import Run


@dataclass(frozen=True)
class Choice:
    """What is to become of results that were made by other code or data; by default that is asked."""

    keep_code: bool = False
    keep_data: bool = False
    retrain: bool = False

    def __post_init__(self) -> None:
        """Refuse both to keep results and to train them again."""
        if self.retrain and (self.keep_code or self.keep_data):
            raise UsageError("found --retrain beside --keep-code or --keep-data, expected one of them")


ASK = Choice()


def settled_plan(sweep: Sweep, store: Store, choice: Choice, *, failed: bool, say: Callable[[str], None]) -> Plan:
    """Return the plan of a sweep after results of other code or data were kept or put aside, as was chosen.

    All points that [suggest] can ask for now are asked for; MissingPackageError if that cannot be.
    """
    require_to_begin(sweep, store, anew=choice.retrain)
    plan = plan_of(sweep, store)
    say(plan.in_words())
    changed = settle(plan, store, choice, failed=failed, say=say)
    if not begin(sweep, store) and not changed:
        return plan
    plan = plan_of(sweep, store)
    say(plan.in_words())
    return plan


def settle(plan: Plan, store: Store, choice: Choice, *, failed: bool, say: Callable[[str], None]) -> bool:
    """Do what was chosen with results of other code or data; return whether anything changed, which needs a new plan.

    With `retrain` and `failed`, failed runs are put aside as well, with their checkpoints. Raises UsageError, one line
    with the choices, if something is left to choose.
    """
    if choice.retrain:
        return _retrain(plan, store, failed=failed, say=say)
    kept = {run_id: seen for run_id, seen in plan.others.items() if _is_kept(seen, choice, plan.today)}
    left = {run_id: seen for run_id, seen in plan.others.items() if run_id not in kept}
    if left:
        raise UsageError(_choices(plan, store, left))
    for seen in set(kept.values()):
        _accept(plan, store, seen)
    if kept:
        say(f"{len(kept)} runs are kept, although they were {_states(kept)} ({next(iter(kept.values())).cause})")
    return bool(kept)


def _is_kept(seen: Judgement, choice: Choice, today: Today | None) -> bool:
    if seen.state is RunState.OTHER_DEFAULTS or today is None:
        return False
    code, data = seen.other_code, seen.other_data
    return (not code or choice.keep_code) and (not data or choice.keep_data)


def _accept(plan: Plan, store: Store, seen: Judgement) -> None:
    today = plan.today
    if today is None:
        return
    facts = {"sweep": plan.sweep.name, "time": time.time(), "by": getpass.getuser(), "why": seen.cause}
    if seen.other_code:
        accept(store.layout, seen.made.code, today.version.sha256, facts)
    for _, then, now in today.changed_data(seen.made.data):
        accept(store.layout, then, now, facts)


def _retrain(plan: Plan, store: Store, *, failed: bool, say: Callable[[str], None]) -> bool:
    chosen = set(plan.others) | ({run.id for run in plan.failed()} if failed else set())
    runs = [run for run in plan.sweep.runs if run.id in chosen]
    if not runs:
        return False
    if other := _other_study(plan.sweep, store, runs, plan.others):
        raise UsageError(_of_other_study(plan, other))
    trajectories = list(dict.fromkeys(run.trajectory for run in runs))
    aside = put_aside(store, trajectories)
    say(
        f"{len(trajectories)} trajectories will be trained again; their old results are put aside, in the store {aside}"
    )
    return True


def _choices(plan: Plan, store: Store, left: Mapping[str, Judgement]) -> str:
    runs = [run for run in plan.sweep.runs if run.id in left]
    if other := _other_study(plan.sweep, store, runs, left):
        return _of_other_study(plan, other)
    words = words_of_sweep(plan.sweep, store)
    causes = list(dict.fromkeys(seen.cause for seen in left.values()))
    more = f" and {len(causes) - 1} more" if len(causes) > 1 else ""
    told = f"{len(left)} of {len(plan.sweep.runs)} runs were {_states(left)}: {causes[0]}{more}"
    choices = []
    if any(seen.other_code for seen in left.values()):
        choices.append("keep them as they are: --keep-code")
    if any(seen.other_data for seen in left.values()):
        choices.append("keep them as they are: --keep-data")
    if any(seen.state is RunState.OTHER_DEFAULTS for seen in left.values()):
        choices.append(
            f"set the old value in the sweep file, which takes the old results: {to_type('migrate', *words)}"
        )
    choices.append("train them again and put the old results aside: --retrain")
    if any(seen.other_code for seen in left.values()):
        choices.append(f"see the difference: {to_type('diff', '--code', *words)}")
    return f"{told}; nothing was trained; choose: {'; '.join(choices)}"


def _states(seen: Mapping[str, Judgement]) -> str:
    return " and ".join(dict.fromkeys(str(one.state) for one in seen.values()))


def _other_study(sweep: Sweep, store: Store, runs: list[Run], judged: Mapping[str, Judgement]) -> Path | None:
    """Return the folder of another existing study whose job, at the same path, made one of these results."""
    for run in runs:
        if judged.get(run.id) is None or judged[run.id].state is RunState.BEGUN_BY_OTHERS:
            continue
        with suppress(StoreError, OSError, JobError, KeyError, TypeError):
            facts = store.summary(run).facts
            study = Path(facts["study"])
            if not study.is_dir() or study.samefile(sweep.root):
                continue
            if version_of(files_of_job(study, sweep.job.files)).sha256.startswith(judged[run.id].made.code):
                return study
    return None


def _of_other_study(plan: Plan, study: Path) -> str:
    own = " and ".join(plan.sweep.job.files)
    return (
        f"the store holds results of another study for these runs, {study}, whose {own} is other code; "
        "nothing was trained; expected a store of this study's own, or another name for that file; type: "
        f"--store DIR, or set HPCSWEEP_STORE"
    )
