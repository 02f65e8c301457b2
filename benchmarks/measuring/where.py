"""Where the processor time of one worker goes, who trains a whole sweep in this process."""

from __future__ import annotations

import functools
import importlib
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring.study import temporary_study, work_on


class Where:
    """Exclusive processor seconds by part, of the functions that were wrapped."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._inner: list[float] = []

    def wrap(self, owner: Any, name: str, part: str) -> None:
        """Have each call of `owner.name` add to `part`, less what other wrapped functions take inside."""
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            self._inner.append(0.0)
            try:
                return inner(*args, **kwargs)
            finally:
                took_s = time.process_time() - began
                self.seconds[part] += took_s - self._inner.pop()
                self.calls[part] += 1
                if self._inner:
                    self._inner[-1] += took_s

        setattr(owner, name, timed)


def main(sweep_of: Callable[[Path], Path]) -> None:
    """Train the sweep, and print a row per part."""
    from hpcsweep.worker.process.threads import pin_to_core, set_environment

    set_environment(1)
    pin_to_core(0)
    began = time.process_time()
    importlib.import_module("hpcsweep.training")
    imported_s = time.process_time() - began
    where = Where()
    _wrap_all(where)
    began = time.process_time()
    with temporary_study() as root:
        work_on(sweep_of(root))
    whole_s = time.process_time() - began
    print(f"{'import of TensorFlow':28} {imported_s:6.2f} s")
    for part, seconds in sorted(where.seconds.items(), key=lambda item: -item[1]):
        print(f"{part:28} {seconds:6.2f} s  {where.calls[part]:4} calls")
    print(f"{'all else':28} {whole_s - sum(where.seconds.values()):6.2f} s")


def _wrap_all(where: Where) -> None:
    from tensorflow.python.eager.polymorphic_function import tracing_compilation

    from hpcsweep.training.loops import alone, arrays, single
    from hpcsweep.training.on_tensorflow.program import TensorFlowProgram
    from hpcsweep.worker import trajectory

    fit = importlib.import_module("hpcsweep.training.fit")
    where.wrap(tracing_compilation, "_create_concrete_function", "tracing")
    where.wrap(TensorFlowProgram, "warm_up", "first call of a program")
    for name in ("advance", "advance_part"):
        where.wrap(single.Loop, f"_{name}", "epochs")
    where.wrap(TensorFlowProgram, "evaluate", "epoch 0")
    where.wrap(alone, "choose_engine", "choosing the engine")
    where.wrap(fit, "_prepare", "building variables")
    where.wrap(single.Loop, "checkpoint", "checkpoints")
    where.wrap(arrays, "weights_sha256", "digests")
    where.wrap(alone, "weights_sha256", "digests")
    where.wrap(trajectory, "publish_result", "results")
    where.wrap(trajectory, "call_job", "the job's own code")
