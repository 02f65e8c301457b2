"""Where the processor time of one worker goes, who trains a whole sweep in this process."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path

from measuring.spent import Spent
from measuring.study import temporary_study, work_on


def main(sweep_of: Callable[[Path], Path]) -> None:
    """Train the sweep, and print a row per part."""
    from hpcsweep.worker.process.threads import pin_to_core, set_environment

    set_environment(1)
    pin_to_core(0)
    began = time.process_time()
    importlib.import_module("hpcsweep.training")
    imported_s = time.process_time() - began
    spent = Spent()
    spent.begin()
    wrap_all(spent)
    began = time.process_time()
    with temporary_study() as root:
        work_on(sweep_of(root))
    whole_s = time.process_time() - began
    print(f"{'import of TensorFlow':28} {imported_s:6.2f} s")
    (seconds_by_part,) = spent.runs
    for part, seconds in sorted(seconds_by_part.items(), key=lambda item: -item[1]):
        print(f"{part:28} {seconds:6.2f} s  {spent.calls[part]:4} calls")
    print(f"{'all else':28} {whole_s - sum(seconds_by_part.values()):6.2f} s")


def wrap_all(spent: Spent) -> None:
    """Time the steps of a worker that trains Keras models."""
    from tensorflow.python.eager.polymorphic_function import tracing_compilation

    from hpcsweep.training.loops import alone, arrays, single
    from hpcsweep.training.on_tensorflow.program import TensorFlowProgram
    from hpcsweep.worker import trajectory

    fit = importlib.import_module("hpcsweep.training.fit")
    spent.wrap(tracing_compilation, "_create_concrete_function", "tracing")
    spent.wrap(TensorFlowProgram, "warm_up", "first call of a program")
    for name in ("advance", "advance_part"):
        spent.wrap(single.Loop, f"_{name}", "epochs")
    spent.wrap(TensorFlowProgram, "evaluate", "epoch 0")
    spent.wrap(alone, "choose_engine", "choosing the engine")
    spent.wrap(fit, "_prepare", "building variables")
    spent.wrap(single.Loop, "checkpoint", "checkpoints")
    spent.wrap(arrays, "weights_sha256", "digests")
    spent.wrap(alone, "weights_sha256", "digests")
    spent.wrap(trajectory, "publish_files", "results")
    spent.wrap(trajectory, "call_job", "the job's own code")
