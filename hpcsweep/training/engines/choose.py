"""Which engine trains a run: what is asked for, what a checkpoint demands, or the fastest that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from hpcsweep.errors import UsageError, nearest
from hpcsweep.training.engines.measure import measure_steps_s, takes_less
from hpcsweep.training.keras_private import layers_of
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.protocol import NotCompilableError, Program
from hpcsweep.training.run_protocol import RunHandle

ENGINES = ("auto", "fit", "compiled", "compiled-xla", "stacked", "fastest")
XLA_PAYS_FROM_STEPS = 20_000  # XLA saves about 0.1 ms per step of a small dense net, and takes 1 to 3 s to compile
XLA_MUST_GAIN = 1.2  # else the numbers of model.fit are worth more
DISPATCHED_STEP_S = 8e-5  # TensorFlow starts the hundred operations of the smallest step in 0.08 to 0.15 ms
FIT_MAY_WIN_FROM_S = 5e-3  # model.fit's own work takes 0.3 to 1 ms per step
FIT_MUST_GAIN = 1.1  # else what was measured may be chance
_OF_MODEL_FIT = ("make_train_function", "make_test_function", "evaluate")
_NO_FASTER_WITH_XLA_ON_CPU = ("Conv", "LSTM", "GRU", "RNN")


@dataclass(frozen=True)
class Choice:
    """A program of the engine chosen, and why that one."""

    program: Program
    reason: str


def choose_engine(run: RunHandle, setup: Setup, asked: str, saved: dict[str, Any] | None) -> Choice:
    """Return the program to train a run with.

    A checkpoint's engine is kept, and "auto" decides once for an architecture and device in a store, because engines
    differ in the last bits. Raises UsageError for an unknown engine, and one that was asked for but cannot train this.
    """
    if asked not in ENGINES:
        raise UsageError(f"engine is {asked!r}{nearest(asked, ENGINES)}; expected one of {', '.join(ENGINES)}")
    if saved is not None:
        reason = "the engine of the checkpoint that this run goes on from"
        # A stack's checkpoint that goes on alone: plain XLA is nearest to how it was trained.
        engine = _of_this_backend("compiled-xla" if saved["engine"] == "stacked" else saved["engine"])
        return Choice(setup.program(engine), reason)
    needed = _needs_fit(setup)
    if needed:
        return Choice(setup.program("fit"), needed)
    if asked in ("auto", "stacked", "fastest"):
        return _automatic(run, setup)
    engine = _of_this_backend(asked)
    reason = "asked for" if engine == asked else f"asked for {asked}; on {keras.config.backend()}, {engine} is XLA"
    if engine == "compiled-xla" and (differs := backend().xla_differs()):
        reason = f"{reason}; {differs}"
    return Choice(setup.program(engine), reason)


def _of_this_backend(engine: str) -> str:
    """Return `engine`, or what the backend has in its place: on JAX, what is compiled is always compiled by XLA."""
    engines = backend().COMPILED_ENGINES
    return engines[-1] if engine == "compiled-xla" else engine


def _needs_fit(setup: Setup) -> str | None:
    if setup.callbacks:
        return "a Keras callback acts inside epochs"
    own = [name for name in _OF_MODEL_FIT if getattr(type(setup.model), name) is not getattr(keras.Model, name)]
    if own:
        return f"the model's class has its own {own[0]}, which only model.fit calls"
    return "the model is compiled with run_eagerly" if setup.model.run_eagerly else None


def _automatic(run: RunHandle, setup: Setup) -> Choice:
    try:
        if setup.key is None:
            program = setup.program("compiled")
            return Choice(program, "the model has parts that are not Keras's own, so it is traced anew for every run")
        where = f"{keras.config.backend()}/{backend().device_name()}"
        decided = run.decide(f"engine/{where}/{setup.key}", lambda: _fastest(run, setup))
        return Choice(setup.program(decided["engine"]), decided["reason"])
    except Exception as error:
        if not isinstance(error, NotCompilableError) and not backend().is_out_of_memory(error):
            raise
        return Choice(setup.program("fit"), f"whole epochs cannot be compiled: {error}")


def _fastest(run: RunHandle, setup: Setup) -> dict[str, Any]:
    """Measure the engines that may win, and return the one to take, with the reason."""
    if len(backend().COMPILED_ENGINES) == 1:
        return _not_slower_than_fit(setup, f"on {keras.config.backend()} it is the one compiled engine, with XLA")
    cpu = backend().device_name() == "cpu"
    found = [layer.name for layer in layers_of(setup.model) if _gains_nothing(layer)]
    if cpu and found:
        return _not_slower_than_fit(setup, f"on a CPU, XLA does not make layers like {found[0]} faster")
    if differs := backend().xla_differs():
        return _not_slower_than_fit(setup, differs)
    steps = expected_steps(run, setup)
    if cpu and steps < XLA_PAYS_FROM_STEPS:
        return _not_slower_than_fit(setup, f"{steps} steps of such runs are too few to pay for XLA's compiling")
    try:
        is_short = cpu and takes_less(setup, "compiled-xla", DISPATCHED_STEP_S)
    except NotCompilableError as error:
        return _not_slower_than_fit(setup, f"XLA cannot compile it: {error}")
    if is_short:
        reason = (
            f"measured: less than {1e3 * DISPATCHED_STEP_S:.2f} ms per step with XLA; without it, starting a step's "
            "operations takes as long"
        )
        return _decided("compiled-xla", reason)
    plain_s, xla_s = measure_steps_s(setup, "compiled", "compiled-xla")
    engine = "compiled-xla" if plain_s > XLA_MUST_GAIN * xla_s else "compiled"
    return _decided(engine, f"measured: {1e3 * plain_s:.3f} ms per step compiled, {1e3 * xla_s:.3f} ms with XLA")


def _not_slower_than_fit(setup: Setup, reason: str) -> dict[str, Any]:
    """Take `compiled`, unless its steps are so long that `fit`, whose own work a step is small, may be as fast."""
    if takes_less(setup, "compiled", FIT_MAY_WIN_FROM_S):
        return _decided("compiled", reason)
    fit_s, compiled_s = measure_steps_s(setup, "fit", "compiled")
    measured = f"measured: {1e3 * fit_s:.1f} ms per step with model.fit, {1e3 * compiled_s:.1f} ms compiled"
    return _decided("fit" if compiled_s > FIT_MUST_GAIN * fit_s else "compiled", f"{measured}; {reason}")


def _decided(engine: str, reason: str) -> dict[str, Any]:
    return {"engine": engine, "reason": reason}


def _gains_nothing(layer: Any) -> bool:
    return any(word in type(layer).__name__ for word in _NO_FASTER_WITH_XLA_ON_CPU)


def expected_steps(run: RunHandle, setup: Setup) -> int:
    """Return how many steps of such runs this process may expect to train."""
    return run.expected_epochs * -(-setup.data.examples // setup.batch_size)
