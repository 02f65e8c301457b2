"""`fit`: train one run of a sweep, from a fresh model or from its last checkpoint."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hpcsweep.data import Data
from hpcsweep.errors import JobError, UsageError
from hpcsweep.metrics import metrics_among
from hpcsweep.training.class_report import class_report
from hpcsweep.training.engines.choose import choose_engine
from hpcsweep.training.engines.program_key import architecture_key, evaluation_key
from hpcsweep.training.facts import device_facts, memory_facts
from hpcsweep.training.loops.divergence import begin_again, train_through_divergence
from hpcsweep.training.loops.member import Member
from hpcsweep.training.loops.seating import train_members
from hpcsweep.training.loops.single import Loop
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.evaluation_batch import evaluation_batch
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.seeding import require_fresh
from hpcsweep.training.state.variables import load_state, read_state, require_usable, weights_sha256


def fit(
    run: RunHandle,
    model: Any,
    data: Data,
    *,
    epochs: int | None = None,
    batch_size: int = 32,
    shuffle: bool = True,
    engine: str | None = None,
    callbacks: tuple[Any, ...] = (),
) -> dict[str, float]:
    """Train a freshly built, compiled Keras model, and return the metrics of the last epoch.

    `epochs` counts from the fresh model, whatever earlier attempts have done already (default: the run's parameter of
    that name). Every epoch goes into the run's history, epoch 0 being the fresh model; checkpoints are made as time
    passes; where the run was interrupted, or a shorter run of its trajectory ended, it goes on as if nothing had
    happened, bit for bit. `engine` is one of "auto", "fit", "compiled", "compiled-xla" (default: what the sweep says).
    Callbacks are Keras's own and need the engine "fit"; what they remember is not saved in checkpoints.

    The result gets the digests of the initial and final weights and, for classifiers, `confusion_matrix`
    [true, predicted] and `per_class_accuracy` on the validation data. Afterwards `model` holds the final weights.
    Raises JobError if the model is not fresh or not compiled, UsageError for arguments that make no sense.
    """
    total, size = _checked_epochs(run, epochs), _checked_batch_size(batch_size)
    _build(run, model, data)
    initial = read_state(model)
    run.record(initial_weights_sha256=weights_sha256(model), batch_size=size, **device_facts(model))
    saved = run.restore()
    if saved is not None:
        require_usable(saved)
    key = None if callbacks else architecture_key(model, data, size)
    setup = Setup(model, data, size, tuple(callbacks), key, evaluation_key(model, data))
    member = Member(run, setup, initial, saved, total, shuffle, shared_order=run.stack_order == "shared")
    asked = saved["engine"] if saved else engine or run.engine_choice
    if asked == "stacked" and _trained_in_stack(member):
        return _finish_stacked(member)
    return _train_alone(member, engine or run.engine_choice)


def _trained_in_stack(member: Member) -> bool:
    """Train a run with its crew; one that a stack began goes on in one, if only by itself: lone nets round else."""
    if member.run.crew is not None:
        return bool(member.run.crew.together(member, train_members))
    return member.saved is not None and train_members([member])[0]


def _train_alone(member: Member, asked: str) -> dict[str, float]:
    """Train a run that is in no stack: from the fresh model, its checkpoint, or where its stack saw it diverge."""
    run, setup, initial = member.run, member.setup, member.initial
    saved = member.saved if member.diverged_at is None else None
    choice = choose_engine(run, setup, asked, saved)
    program = choice.program
    reason = "; ".join(filter(None, [member.alone_because, choice.reason]))
    run.record(engine=program.engine, engine_reason=reason, compile_s=program.compile_s, stacked=False)
    loop = Loop(run, program, setup, member.shuffle)
    if member.diverged_at is not None:
        run.record(stack_members=1, stack_order="own")
        begin_again(loop, setup.model, initial, member.diverged_at)
    elif saved is not None:
        loop.resume(saved)
    else:
        loop.start(initial)
    if train_through_divergence(loop, member.epochs, setup.model, initial):
        _finish(loop, setup.model, setup.data)
    return _last_metrics(run)


def _finish(loop: Loop, model: Any, data: Data) -> None:
    """Keep the end of the run: a checkpoint to go on from, and what the result says of the final model."""
    program, run = loop.program, loop.run
    loop.checkpoint()
    program.finish()
    run.record(final_weights_sha256=weights_sha256(program.model))
    if loop.stopping.reason:
        run.record(ended_early=loop.stopping.reason)
    run.attach(**class_report(data, program.predict(loop.data) if data.classes else None, program.model))
    run.record(**memory_facts())
    if program.model is not model:
        load_state(model, program.read())


def _finish_stacked(member: Member) -> dict[str, float]:
    """Keep the end of a run that was trained in a stack."""
    run, model, data = member.run, member.setup.model, member.setup.data
    if member.final is not None:
        load_state(model, member.final)
        run.record(final_weights_sha256=weights_sha256(model))
        if member.stopping.reason:
            run.record(ended_early=member.stopping.reason)
        size, x = evaluation_batch(model, data.x_val, member.setup.batch_size), data.x_val
        parts = [model(x[start : start + size], training=False) for start in range(0, len(x), size)]
        run.attach(**class_report(data, np.concatenate([np.asarray(part) for part in parts]), model))
        run.record(**memory_facts())
    return _last_metrics(run)


def _last_metrics(run: RunHandle) -> dict[str, float]:
    history = run.history
    return {name: history[name][-1] for name in metrics_among(history)}


def _build(run: RunHandle, model: Any, data: Data) -> None:
    """Check that the model is compiled and fresh, and create the variables it and its optimizer still lack."""
    if not isinstance(model, keras.Model) or not getattr(model, "compiled", False):
        raise JobError(f"fit was given {type(model).__name__}; expected a Keras model after model.compile(...)")
    require_fresh(model, run.seed)
    if not model.built or not all(layer.built for layer in model._flatten_layers()):
        model._symbolic_build(data_batch=(data.x[:1], data.y[:1], None))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _checked_epochs(run: RunHandle, epochs: int | None) -> int:
    found = run.params.get("epochs") if epochs is None else epochs
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise UsageError(f"fit: epochs is {found!r}; expected a whole number from 0 (fit(..., epochs=10))")
    return found


def _checked_batch_size(batch_size: int) -> int:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise UsageError(f"fit: batch_size is {batch_size!r}; expected a whole number from 1")
    return batch_size
