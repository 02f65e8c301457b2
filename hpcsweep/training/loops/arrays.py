"""A run on arrays: in a stack with others, or alone."""

from __future__ import annotations

from typing import Any, Protocol

from hpcsweep.training.engines.program_key import architecture_key, evaluation_key
from hpcsweep.training.examples import TrainingData
from hpcsweep.training.facts import device_facts
from hpcsweep.training.kept_model import wants_best
from hpcsweep.training.loops.alone import finish_stacked, train_alone
from hpcsweep.training.loops.beginning import beginning_of, require_same_beginning
from hpcsweep.training.loops.callbacks import Callbacks
from hpcsweep.training.loops.member import Member
from hpcsweep.training.loops.phases import Phase, restored
from hpcsweep.training.loops.seating import train_members
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.variables import read_state, weights_sha256


class How(Protocol):
    """What a run on arrays needs of the arguments of `fit`."""

    @property
    def epochs(self) -> int:
        """How many, from the fresh model."""

    @property
    def batch_size(self) -> int:
        """Examples per step."""

    @property
    def shuffle(self) -> bool:
        """Whether each epoch has an order of its own."""

    @property
    def keeps(self) -> bool:
        """Whether checkpoints are made."""


def train_arrays(
    run: RunHandle, model: Any, data: TrainingData, how: How, callbacks: Callbacks, engine: str
) -> tuple[dict[str, float], bool]:
    """Train on arrays; return the metrics, and whether the run has come to its end."""
    initial, size = read_state(model), how.batch_size
    run.record(
        initial_weights_sha256=weights_sha256(model), batch_size=size, resume=_guarantee(how), **device_facts(model)
    )
    saved = restored(run, is_stream=False) if how.keeps else None
    shares = callbacks.may_share_programs and not isinstance(run, Phase)  # for the next phase, a model is changed
    key = architecture_key(model, data, size) if shares else None
    began = None if isinstance(run, Phase) else beginning_of(model, key, how.epochs, size)
    require_same_beginning(saved, began)
    of_evaluation = evaluation_key(model, data) if shares else None
    setup = Setup(model, data, size, callbacks.relay(), key, of_evaluation, run.faster, began)
    member = Member(
        run, setup, initial, saved, how.epochs, how.shuffle, run.stack_order == "shared", must_gain=engine == "fastest"
    )
    asked = saved["engine"] if saved else engine
    if asked in ("stacked", "fastest") and _may_stack(member, callbacks, how) and _trained_in_stack(member):
        return finish_stacked(member), member.final is not None
    return train_alone(member, engine, callbacks, keeps=how.keeps)


def _guarantee(how: How) -> str:
    exact = "to the bit" if backend().device_name() == "cpu" else "to rounding"
    return exact if how.keeps else "begins anew"


def _may_stack(member: Member, callbacks: Callbacks, how: How) -> bool:
    """Whether the run may share a stack; noted in the member if not."""
    rule = member.run.stop_rule or {}
    reasons = {
        "callbacks act on one run": bool(callbacks),
        "the best weights of a run are kept alone": bool(rule.get("restore_best")) or wants_best(member.run),
        'resume = "restart" is for runs alone': not how.keeps,
    }
    member.alone_because = "; ".join(reason for reason, is_so in reasons.items() if is_so)
    return not member.alone_because


def _trained_in_stack(member: Member) -> bool:
    """Train a run with its crew; one that a stack began goes on in one, if only by itself: lone nets round else."""
    if member.run.crew is not None:
        return bool(member.run.crew.together(member, train_members))
    return member.saved is not None and train_members([member])[0]
