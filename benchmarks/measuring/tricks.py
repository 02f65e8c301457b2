"""What each trick of on_tensorflow/faster/ gains: programs with all tricks against the same without one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from measuring.alternating import Side, Took, measure_alternately, ratio
from measuring.cases import Case, all_cases
from measuring.epochs import MEMBERS, calls_of, fresh_model

Calls = Callable[[], Took]


def table(rounds: int, shrink: int, only: str) -> Iterator[str]:
    """Measure the dense nets whose name contains `only`; yield the lines of the table."""
    from hpcsweep.data import load
    from hpcsweep.training.on_tensorflow.faster import Trick

    yield f"{'net':24} {'batch':>5} {'images':>6}  {'engine':21} {'trick':15} {'gain':>7}  {'spread':11}  {'cpu':>7}"
    for case in all_cases(rounds, shrink):
        if only not in case.name or "stacked, own order" not in case.engines:
            continue
        data = load("synthetic", train=case.train, validate=case.validate)
        for engine, make, known in (
            ("compiled-xla", partial(_alone, case, data), tuple(Trick)),
            ("stacked, own order", partial(_stacked, case, data, shared=False), (Trick.FETCHED_ROWS,)),
            ("stacked, shared order", partial(_stacked, case, data, shared=True), (Trick.FETCHED_ROWS,)),
        ):
            head = f"{case.name:24} {case.batch_size:>5} {case.train:>6}  {engine:21}"
            yield from (f"{head} {line}" for line in _gains(make, known, case.rounds))


def _gains(make: Callable[[Any], Calls], known: tuple[Any, ...], rounds: int) -> Iterator[str]:
    """Yield what each of the tricks that an engine has gains beside the others, and what all gain together."""
    every = frozenset(known)
    using = Side("all", make(every))
    without = [Side(trick.value, make(every - {trick})) for trick in known]
    if len(known) > 1:
        without.append(Side("all", make(frozenset())))
    measure_alternately([using, *without], rounds)
    for side in without:
        gain = ratio(side, using)
        spread = f"{gain.low:5.2f}-{gain.high:<5.2f}"
        yield f"{side.name:15} {gain.median:6.2f}x  {spread}  {gain.processor:6.2f}x"


def _alone(case: Case, data: Any, tricks: Any) -> Calls:
    from hpcsweep.training.on_tensorflow.program import TensorFlowProgram
    from hpcsweep.training.programs.building import build

    model = fresh_model(case)
    build(model, data.x[: case.batch_size], data.y[: case.batch_size])
    program = TensorFlowProgram(model, case.batch_size, data, jit=True, tricks=tricks)
    program.compile(program.put(data))
    return calls_of(program, data)


def _stacked(case: Case, data: Any, tricks: Any, *, shared: bool) -> Calls:
    from hpcsweep.training.on_tensorflow.stacked_program import TensorFlowStackedProgram

    program = TensorFlowStackedProgram(
        fresh_model(case), case.batch_size, data, members=MEMBERS, shared_order=shared, tricks=tricks
    )
    return calls_of(program, data, orders=1 if shared else MEMBERS)
