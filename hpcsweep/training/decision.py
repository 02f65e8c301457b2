"""Which engine trains a run: what is asked for, what a checkpoint demands, or the fastest that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpcsweep.errors import UsageError, nearest
from hpcsweep.training.backend import backend
from hpcsweep.training.handle import RunHandle
from hpcsweep.training.program import NotCompilableError, Program
from hpcsweep.training.programs import Setup

ENGINES = ("auto", "fit", "compiled", "compiled-xla", "stacked")
XLA_PAYS_FROM_STEPS = 20_000  # XLA saves about 0.1 ms a step of a small dense net, and takes 1 to 3 s to compile
XLA_MUST_GAIN = 1.2  # else the numbers of model.fit are worth more
_SLOW_WITH_XLA_ON_CPU = ("Conv", "LSTM", "GRU", "RNN")


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
        engine = "compiled-xla" if saved["engine"] == "stacked" else saved["engine"]
        return Choice(setup.program(engine), reason)
    needed = _needs_fit(setup)
    if needed:
        return Choice(setup.program("fit"), needed)
    if asked in ("auto", "stacked"):
        return _automatic(run, setup)
    return Choice(setup.program(asked), "asked for")


def _needs_fit(setup: Setup) -> str | None:
    if setup.callbacks:
        return "Keras callbacks need it"
    return "the model is compiled with run_eagerly" if setup.model.run_eagerly else None


def _automatic(run: RunHandle, setup: Setup) -> Choice:
    try:
        if setup.key is None:
            program = setup.program("compiled")
            return Choice(program, "the model has parts that are not Keras's own, so it is traced anew for every run")
        decided = run.decide(f"engine/{backend().device_name()}/{setup.key}", lambda: _fastest(run, setup))
        return Choice(setup.program(decided["engine"]), decided["reason"])
    except Exception as error:
        if not isinstance(error, NotCompilableError) and not backend().is_out_of_memory(error):
            raise
        return Choice(setup.program("fit"), f"whole epochs cannot be compiled: {error}")


def _fastest(run: RunHandle, setup: Setup) -> dict[str, Any]:
    """Measure the compiled engines where both may win, and return the one to take, with the reason."""
    cpu = backend().device_name() == "cpu"
    slow = [layer.name for layer in setup.model._flatten_layers() if _is_slow(layer)]
    if cpu and slow:
        return _decided("compiled", f"on a CPU, XLA makes layers like {slow[0]} many times slower")
    steps = _steps(run, setup)
    if cpu and steps < XLA_PAYS_FROM_STEPS:
        return _decided("compiled", f"{steps} steps are too few to pay for XLA's compiling")
    try:
        xla = setup.program("compiled-xla")
    except NotCompilableError as error:
        return _decided("compiled", f"XLA cannot compile it: {error}")
    plain = setup.program("compiled")
    plain_s, xla_s = (program.step_s(program.put(setup.data)) for program in (plain, xla))
    engine = "compiled-xla" if plain_s > XLA_MUST_GAIN * xla_s else "compiled"
    return _decided(engine, f"measured: {1e3 * plain_s:.3f} ms a step compiled, {1e3 * xla_s:.3f} ms with XLA")


def _decided(engine: str, reason: str) -> dict[str, Any]:
    return {"engine": engine, "reason": reason}


def _is_slow(layer: Any) -> bool:
    return any(word in type(layer).__name__ for word in _SLOW_WITH_XLA_ON_CPU)


def _steps(run: RunHandle, setup: Setup) -> int:
    epochs = getattr(run, "longest_epochs", None) or run.params.get("epochs") or 0
    return int(epochs) * -(-len(setup.data.x) // setup.batch_size)
