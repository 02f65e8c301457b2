"""Seconds per epoch of each engine against `model.fit`, measured alternately."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hpcsweep.errors import UsageError
from measuring.alternating import Side, Stopwatch, Took, measure_alternately, ratio
from measuring.cases import Case, all_cases
from measuring.memory_run import MemoryRun

SEED = 1
MEMBERS = 16
LONG_RUN_EPOCHS = 50  # what `auto` is told to expect: whether XLA's compile time pays depends on it


def table(rounds: int, shrink: int, only: str) -> Iterator[str]:
    """Measure all cases whose name contains `only`; yield the lines of the table."""
    head = f"{'net':30} {'batch':>5} {'images':>6}  {'engine':24} {'ms/epoch':>9}"
    yield f"{head}  {'ratio':>7}  {'spread':11}  {'cpu':>7}   (stacked: an epoch of one of {MEMBERS} nets)"
    for case in all_cases(rounds, shrink):
        if only in case.name:
            yield from _lines(case)


def _lines(case: Case) -> Iterator[str]:
    from hpcsweep.data import load
    from hpcsweep.training.programs.backend import backend

    lacking = {"compiled", "compiled-xla"} - set(backend().COMPILED_ENGINES)
    engines = [name for name in case.engines if name not in lacking]
    data = load("synthetic", train=case.train, validate=case.validate)
    baseline = Side("model.fit", _plain_fit(case, data))
    head, sides = f"{case.name:30} {case.batch_size:>5} {case.train:>6}", [baseline]
    for name in engines:
        try:
            sides.append(Side(name, _engine(case, data, name)))
        except UsageError as error:  # what an engine cannot do, it refuses while it is set up
            yield f"{head}  {name:24} refused: {error}"
    if len(sides) == 1:
        return
    measure_alternately(sides, case.rounds)
    for side in sides:
        yield f"{head}  {side.name:24} {_ms(side)}  {ratio(baseline, side)}"
    if len(engines) > 1:
        engine, reason = chosen_by_auto(case, data)
        side = next((side for side in sides if side.name == engine), baseline)
        yield f"{head}  {'auto: ' + engine:24} {_ms(side)}  {ratio(baseline, side)}  ({reason})"


def _engine(case: Case, data: Any, name: str) -> Callable[[], Took]:
    if name.startswith("stacked"):
        return stacked_epochs(case, data, shared="shared" in name)
    return engine_epochs(case, data, name)


def _ms(side: Side) -> str:
    return f"{1000 * sorted(side.seconds)[len(side.seconds) // 2]:9.1f}"


def _plain_fit(case: Case, data: Any) -> Callable[[], Took]:
    """Return the second epoch of a call of Keras's own `model.fit`, shuffled, validated at its end.

    The first one also sets up the pipelines of the data, which a long training does once.
    """
    import keras

    model, watches, took = fresh_model(case), [], []
    second = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: watches.append(Stopwatch()),
        on_epoch_end=lambda epoch, logs: took.append(watches[-1].took(1)),
    )
    known = {"batch_size": case.batch_size, "validation_data": (data.x_val, data.y_val), "verbose": 0}

    def epoch() -> Took:
        model.fit(data.x, data.y, epochs=2, callbacks=[second], **known)
        return took[-1]

    return epoch


def engine_epochs(case: Case, data: Any, engine: str) -> Callable[[], Took]:
    """Return one call of an engine, as the training loop calls it: some epochs, their orders drawn in the call."""
    from hpcsweep.training.programs.cache import Setup

    model = fresh_model(case)
    model.optimizer.build(model.trainable_variables)
    return calls_of(Setup(model, data, case.batch_size, (), None).program(engine), data)


def stacked_epochs(case: Case, data: Any, *, shared: bool) -> Callable[[], Took]:
    """Return one call of the stacked engine, with one order for all members or one for each."""
    from hpcsweep.training.programs.backend import backend

    program = backend().make_stacked_program(
        fresh_model(case), case.batch_size, data, members=MEMBERS, shared_order=shared, faster=True
    )

    return calls_of(program, data, orders=1 if shared else MEMBERS)


def calls_of(program: Any, data: Any, *, orders: int | None = None) -> Callable[[], Took]:
    """Return a function that trains so many epochs as the training loop does in one call.

    `orders`: of the examples, one or one for each member, for the program of a stack; None for that of a net alone.
    """
    from hpcsweep.training.programs.partial_epoch import CALL_S
    from hpcsweep.training.state.order import epoch_orders

    on_device, reached, members = program.put(data), 0, MEMBERS if orders else 1

    def draw(first_epoch: int, count: int) -> Any:
        drawn = [epoch_orders(seed, first_epoch, count, len(data.x), shuffle=True) for seed in range(orders or 1)]
        return np.stack(drawn, axis=1) if orders else drawn[0]

    def call() -> Took:
        nonlocal reached
        count = 1
        if program.epoch_s is not None:
            count = max(1, min(program.longest_call_epochs, int(CALL_S / program.epoch_s)))
        watch = Stopwatch()
        program.advance(on_device, draw(reached + 1, count))
        took = watch.took(count * members)
        if reached:  # the first call may have compiled
            program.epoch_s = took.seconds / count
        reached += count
        return took

    return call


def chosen_by_auto(case: Case, data: Any) -> tuple[str, str]:
    """Return the engine that `auto` takes for a run of 50 epochs, and why."""
    from hpcsweep.training import fit, seed_everything

    seed_everything(SEED)
    run = MemoryRun(SEED, LONG_RUN_EPOCHS, "auto")
    fit(run, case.build(), data, epochs=1, batch_size=case.batch_size)
    return str(run.facts["engine"]), str(run.facts["engine_reason"])


def fresh_model(case: Case) -> Any:
    from hpcsweep.training import seed_everything

    seed_everything(SEED)
    return case.build()
