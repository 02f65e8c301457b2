"""A run from its start, or from its checkpoint, to its end: what is trained alone, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hpcsweep.metrics import metrics_among
from hpcsweep.training.class_report import class_report
from hpcsweep.training.engines.choose import choose_engine
from hpcsweep.training.engines.repeatable import require_repeatable
from hpcsweep.training.facts import memory_facts
from hpcsweep.training.held_out import on_test_part
from hpcsweep.training.kept_model import keep_models
from hpcsweep.training.loops.callbacks import Callbacks
from hpcsweep.training.loops.divergence import begin_again, train_through_divergence
from hpcsweep.training.loops.member import Member
from hpcsweep.training.loops.single import Loop
from hpcsweep.training.programs.evaluation_batch import evaluation_batch
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.unkept import Unkept
from hpcsweep.training.state.variables import load_state, weights_sha256


def train_alone(member: Member, asked: str, callbacks: Callbacks, *, keeps: bool) -> tuple[dict[str, float], bool]:
    """Train a run that is in no stack: from the fresh model, its checkpoint, or where its stack saw it diverge.

    Returns its metrics, and whether it has come to its end. Where not `keeps`, no checkpoints are made.
    """
    run, setup, initial = member.run, member.setup, member.initial
    saved = member.saved if member.diverged_at is None else None
    unkept = Unkept(setup.model)
    choice = choose_engine(run, setup, asked, saved)
    program = choice.program
    reason = "; ".join(filter(None, [member.alone_because, choice.reason]))
    run.record(engine=program.engine, engine_reason=reason, compile_s=program.compile_s, stacked=False)
    run.record(faster=program.faster)
    if keeps and setup.key is None:
        require_repeatable(run, program, setup, initial, unkept)
    callbacks.attach(program.model, epochs=member.epochs, steps=-(-setup.data.examples // setup.batch_size))
    loop = Loop(run, program, setup, member.shuffle, callbacks, keeps)
    if member.diverged_at is not None:
        run.record(stack_members=1, stack_order="own")
        begin_again(loop, setup.model, initial, member.diverged_at)
    elif saved is not None:
        loop.resume(saved)
    else:
        loop.start(initial)
    ended = train_through_divergence(loop, member.epochs, setup.model, initial)
    metrics = last_metrics(run)
    if ended:
        metrics = _finish(loop, setup.model)
    return metrics, ended


def _finish(loop: Loop, model: Any) -> dict[str, float]:
    """Keep the end of the run: a checkpoint to go on from, and what the result says of the final model."""
    program, run, data = loop.program, loop.run, loop.setup.data
    loop.checkpoint()
    program.finish()
    loop.restore_best()
    loop.callbacks.end(last_metrics(run))
    run.record(final_weights_sha256=weights_sha256(program.model))
    record_end(run, loop.stopping)
    run.attach(**class_report(data, program.predict(loop.data) if data.classes else None, program.model))
    run.record(**memory_facts())
    if program.model is not model:
        load_state(model, program.read())
    keep_models(run, model, loop.best, loop.stopping.best_epoch)
    metrics = metrics_of(run, loop.best["epoch"]) if loop.best and loop.stopping.restores_best else last_metrics(run)
    return {**metrics, **on_test_part(run, program.model, data, loop.setup.batch_size)}


def finish_stacked(member: Member) -> dict[str, float]:
    """Keep the end of a run that was trained in a stack."""
    run, model, data = member.run, member.setup.model, member.setup.data
    if member.final is not None:
        load_state(model, member.final)
        run.record(final_weights_sha256=weights_sha256(model))
        record_end(run, member.stopping)
        size, x = evaluation_batch(model, data.x_val, member.setup.batch_size), data.x_val
        parts = [model(x[start : start + size], training=False) for start in range(0, len(x), size)]
        run.attach(**class_report(data, np.concatenate([np.asarray(part) for part in parts]), model))
        run.record(**memory_facts())
        keep_models(run, model, None, None)
        return {**last_metrics(run), **on_test_part(run, model, data, member.setup.batch_size)}
    return last_metrics(run)


def record_end(run: RunHandle, stopping: Any) -> None:
    """Record why the training ended before its last epoch, and which epoch was the best by the stop rule."""
    if stopping.reason:
        run.record(ended_early=stopping.reason)
    if stopping.best_epoch is not None:
        run.record(best_epoch=stopping.best_epoch, best_restored=stopping.restores_best)


def last_metrics(run: RunHandle) -> dict[str, float]:
    """Return the metrics of the last epoch."""
    return _row(run.history, -1)


def metrics_of(run: RunHandle, epoch: int) -> dict[str, float]:
    """Return the metrics of one epoch."""
    history = run.history
    return _row(history, history["epoch"].index(epoch))


def _row(history: Mapping[str, list[float]], row: int) -> dict[str, float]:
    return {name: history[name][row] for name in metrics_among(history) if history[name]}
