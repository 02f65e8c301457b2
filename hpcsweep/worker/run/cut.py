"""A run that is cut once by force: people see, before a sweep is trained, whether it goes on to the same bits."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from hpcsweep.worker.run.handle import RunHandle


class CutRun(RunHandle):
    """Kills its worker when it goes on beyond its first checkpoint, or at its end if it has made none by then.

    A job that makes checkpoints only where it is asked to stop is asked after its first epoch.
    """

    _asked = False

    @property
    def should_stop(self) -> bool:
        """Whether to checkpoint and return: as soon as there is something to keep, if nothing was kept."""
        if self.first_kept_s is None and self.last_epoch >= 1:
            self._asked = self.observed_stop = True
            return True
        return super().should_stop

    @property
    def checkpoint_due(self) -> bool:
        """Whether to make a checkpoint: the first one at once, however short the epochs are."""
        return self.first_kept_s is None or super().checkpoint_due

    def log(self, epoch: int, **metrics: float) -> None:
        """Add one epoch to the history, and die if there is a checkpoint before it."""
        super().log(epoch, **metrics)
        self._beyond_a_checkpoint()

    def log_many(self, epochs: Sequence[int], metrics: Mapping[str, Sequence[float]]) -> None:
        """Add several epochs to the history, and die if there is a checkpoint before them."""
        super().log_many(epochs, metrics)
        self._beyond_a_checkpoint()

    def checkpoint(self, state: Any, *, epoch: int | None = None) -> None:
        """Keep `state` if nothing was kept before, and die otherwise, or if this is because we were asked to stop."""
        self._beyond_a_checkpoint()
        super().checkpoint(state, epoch=epoch)
        if self._asked:
            _die()

    def ended(self) -> None:
        """Die before there is a result."""
        _die()

    def _beyond_a_checkpoint(self) -> None:
        if self.first_kept_s is not None:
            _die()


def _die() -> NoReturn:
    """Kill the worker, whose child we are, as a kernel does that is out of memory; we die with it."""
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process lives on after SIGKILL")
