"""What a stack gains over its members alone with XLA, and what its members with an order each cannot do without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from measuring.alternating import Side, Stopwatch, Took, measure_alternately, ratio
from measuring.cases import Case, all_cases
from measuring.epochs import MEMBERS, engine_epochs, stacked_epochs

STEPS, NEURONS = 512, 8


def table(rounds: int, shrink: int, only: str) -> Iterator[str]:
    """Measure the dense nets whose name contains `only`; yield the lines of the table."""
    from hpcsweep.data import load

    yield f"{'net':24} {'batch':>5} {'images':>6}  {'':22} {'cpu ms/epoch':>12}  {'gain':>7}  {'spread':11}  {'cpu':>7}"
    for case in all_cases(rounds, shrink):
        if only in case.name and "stacked, own order" in case.engines:
            data = load("synthetic", train=case.train, validate=case.validate)
            yield from _gains(case, data)
            if f"dense {NEURONS}-" in case.name:
                yield from _parts(case, data)


def _gains(case: Case, data: Any) -> Iterator[str]:
    alone = Side("alone", engine_epochs(case, data, "compiled-xla"))
    stacks = [Side(f"{MEMBERS} stacked, {word} order", stacked_epochs(case, data, shared=word == "one"))
              for word in ("own", "one")]  # fmt: skip
    measure_alternately([alone, *stacks], case.rounds)
    for side in (alone, *stacks):
        gain = ratio(alone, side)
        spread = f"{gain.low:5.2f}-{gain.high:<5.2f}"
        yield f"{_head(case)}  {side.name:22} {_ms(side)}  {gain.median:6.2f}x  {spread}  {gain.processor:6.2f}x"


def _parts(case: Case, data: Any) -> Iterator[str]:
    """Measure, per epoch of a member, what takes most of a step of a stack with own orders in the first layer."""
    sides = [Side(name, action) for name, action in _first_layer(case, data).items()]
    measure_alternately(sides, case.rounds)
    for side in sides:
        yield f"{_head(case)}  {side.name:22} {_ms(side)}"


def _first_layer(case: Case, data: Any) -> dict[str, Callable[[], Took]]:
    import tensorflow as tf

    chance = np.random.default_rng(0)
    x = tf.constant(data.x.reshape(len(data.x), -1))
    orders = tf.constant(chance.permuted(np.tile(np.arange(case.train, dtype=np.int32), (MEMBERS, 1)), axis=1))
    batch = tf.constant(chance.normal(size=(MEMBERS, case.batch_size, x.shape[1])), tf.float32)
    kernel = tf.constant(chance.normal(size=(MEMBERS, NEURONS, x.shape[1])), tf.float32)
    steps = min(STEPS, case.train // case.batch_size)

    def rows(step: Any, so_far: Any) -> Any:
        chosen = tf.slice(orders, [0, step * case.batch_size], [MEMBERS, case.batch_size])
        return so_far + tf.cast(tf.reduce_max(tf.gather(x, chosen)), tf.float32)

    def products(_: Any, so_far: Any) -> Any:
        outputs = tf.matmul(batch + 1e-9 * so_far, kernel, transpose_b=True)  # else it would be computed once
        return so_far + tf.reduce_sum(tf.matmul(outputs, batch, transpose_a=True))

    def repeated(body: Any) -> Callable[[], Took]:
        @tf.function(jit_compile=True, autograph=False)
        def loop() -> Any:
            start = (tf.constant(0), tf.constant(0.0))
            return tf.while_loop(
                lambda step, _: step < steps, lambda step, so_far: (step + 1, body(step, so_far)), start
            )

        def call() -> Took:
            watch = Stopwatch()
            loop()[1].numpy()
            return watch.took(MEMBERS * steps * case.batch_size / case.train)

        return call

    return {"of it, fetching rows": repeated(rows), "of it, products": repeated(products)}


def _head(case: Case) -> str:
    return f"{case.name:24} {case.batch_size:>5} {case.train:>6}"


def _ms(side: Side) -> str:
    return f"{1000 * sorted(side.processor_seconds)[len(side.processor_seconds) // 2]:12.1f}"
