"""Where the time of each run of a worker goes, from its claim to its published result."""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from hpcsweep.store.claims import Claim
from hpcsweep.training.loops import alone, arrays
from hpcsweep.training.loops.single import Loop
from hpcsweep.training.on_tensorflow.program import TensorFlowProgram
from hpcsweep.worker import claiming, trajectory

TRAINING = ("orders", "training")
RECORDING = ("epoch 0", "history", "checkpoints", "digests", "confusion matrix", "result")


class RunTimes:
    """Exclusive seconds by part of one run, and when its first training step began after its claim."""

    def __init__(self, claimed: float) -> None:
        self.claimed = claimed
        self.parts: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self.to_first_step_s = self.whole_s = float("nan")

    @property
    def training_s(self) -> float:
        """Seconds of training, drawing the orders of examples included."""
        return sum(self.parts[part] for part in TRAINING)

    @property
    def recording_share(self) -> float:
        """Recording as a fraction of training."""
        return sum(self.parts[part] for part in RECORDING) / self.training_s


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "processor": time.process_time}


class Timeline:
    """Wraps the steps of a worker, so that each adds its seconds to the run at work."""

    def __init__(self, clock: str) -> None:
        self._now = CLOCKS[clock]
        self.runs: list[RunTimes] = []
        self._inner: list[float] = []
        self._wrap(claiming, "try_claim", "claim", begins=True)
        for module in (arrays, alone):
            self._wrap(module, "weights_sha256", "digests")
        self._wrap(alone, "class_report", "confusion matrix")
        self._wrap(TensorFlowProgram, "predict", "confusion matrix")
        self._wrap(TensorFlowProgram, "evaluate", "epoch 0")
        for whole_or_part in ("advance", "advance_part"):  # long epochs are trained in parts
            self._wrap(TensorFlowProgram, whole_or_part, "training")
            self._wrap(Loop, f"_{whole_or_part}", "orders", first_step=True)
        self._wrap(Loop, "_log", "history")
        self._wrap(Loop, "checkpoint", "checkpoints")
        self._wrap(trajectory, "publish_files", "result", ends=True)
        self._wrap(Claim, "give_back", "claim")

    def _wrap(
        self, owner: Any, name: str, part: str, *, begins: bool = False, first_step: bool = False, ends: bool = False
    ) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if begins:
                self.runs.append(RunTimes(self._now()))
            run = self.runs[-1]
            began = self._now()
            if first_step and "training" not in run.calls:
                run.to_first_step_s = began - run.claimed
            self._inner.append(0.0)
            try:
                return inner(*args, **kwargs)
            finally:
                took = self._now() - began
                run.parts[part] += took - self._inner.pop()
                run.calls[part] += 1
                if self._inner:
                    self._inner[-1] += took
                if ends:
                    run.whole_s = self._now() - run.claimed

        setattr(owner, name, timed)
