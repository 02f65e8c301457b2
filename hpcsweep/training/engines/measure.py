"""How long a training step takes with each of several engines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.programs.protocol import Program

MEASURED_S = 0.04  # of steps, beyond what a call takes that trains one batch only
REPEATS = 5


def clock_of_device() -> Callable[[], float]:
    """Return processor time where the processor trains, wall-clock time else."""
    return time.process_time if backend().device_name() == "cpu" else time.perf_counter


@dataclass
class Trial:
    """One engine, and how often what was timed with it."""

    try_batches: Callable[[int], object]
    clock: Callable[[], float]
    most_batches: int
    batches: int = 1
    whole_s: float = math.inf
    single_s: float = math.inf

    def choose_batches(self) -> None:
        """Find how many batches take long enough to be measured; the first call of all traces and does not count."""
        self._took_s(1)
        self.single_s = self._took_s(1)
        while self.batches < self.most_batches and self._took_s(self.batches) - self.single_s < MEASURED_S:
            self.batches = min(2 * self.batches, self.most_batches)

    def shows_less_than(self, limit_s: float) -> bool:
        """Whether a short call shows that a step takes less, what a call takes beside its steps included."""
        batches, took_s = 1, 0.0
        while took_s < MEASURED_S and batches <= self.most_batches:
            took_s = self._took_s(batches)
            if took_s < batches * limit_s:
                return True
            batches *= 2
        return False

    def measure(self) -> None:
        """Time a call with one batch and one with many; the least of all times counts."""
        self.single_s = min(self.single_s, self._took_s(1))
        self.whole_s = min(self.whole_s, self._took_s(self.batches))

    @property
    def step_s(self) -> float:
        """Seconds per step, without what a call takes beside its steps."""
        if self.batches == 1:
            return self.single_s
        return max(self.whole_s - self.single_s, 0.0) / (self.batches - 1)

    def _took_s(self, batches: int) -> float:
        began = self.clock()
        self.try_batches(batches)
        return self.clock() - began


def measure_steps_s(setup: Setup, *engines: str) -> list[float]:
    """Return the seconds that a training step takes with each of `engines`; the model's state is lost.

    The engines are measured in turns and the least of several times counts, so that what else the machine does changes
    little; on a CPU it is processor time, which that changes least. Raises NotCompilableError as making programs does.
    """
    return least_step_s([trial_of(setup, setup.program(engine)) for engine in engines])


def takes_less(setup: Setup, engine: str, limit_s: float) -> bool:
    """Whether a training step takes less than `limit_s`, found out by as few steps as tell; as `measure_steps_s`."""
    trial = trial_of(setup, setup.program(engine))
    return trial.shows_less_than(limit_s) or measure_steps_s(setup, engine)[0] < limit_s


def trial_of(setup: Setup, program: Program) -> Trial:
    """Return what times the steps of a program of `setup`."""
    batches_in_an_epoch = -(-setup.data.examples // setup.batch_size)
    return Trial(partial(program.try_batches, program.put(setup.data)), clock_of_device(), batches_in_an_epoch)


def least_step_s(trials: list[Trial]) -> list[float]:
    """Return the seconds per step of each of `trials`, measured in turns."""
    for trial in trials:
        trial.choose_batches()
    for trial in trials * REPEATS:
        trial.measure()
    return [trial.step_s for trial in trials]
