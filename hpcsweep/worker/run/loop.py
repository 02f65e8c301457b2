"""A loop over the epochs of a run, in any framework: it goes on from a checkpoint, makes them, and stops in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from hpcsweep.errors import UsageError


class _Run(Protocol):
    """What the loop asks of the rest of `run`."""

    @property
    def diverged(self) -> bool: ...
    @property
    def should_stop(self) -> bool: ...
    @property
    def checkpoint_due(self) -> bool: ...
    @property
    def last_epoch(self) -> int: ...
    def restore(self) -> Any: ...
    def checkpoint(self, state: Any) -> None: ...


class Loop:
    """The part of `run` that counts epochs."""

    def epochs(self: _Run, last: int, save: Callable[[Path], Any], load: Callable[[Path], Any]) -> Iterator[int]:
        """Yield the epochs that are left to train, up to `last`; the job logs each before it asks for the next.

        `save` writes the job's state into the folder it is given, and `load` reads it from there: once, before the
        first epoch, if an earlier attempt or a shorter run has left a checkpoint. The loop makes a checkpoint where
        it is cheap, where the run has to stop, and after the last epoch. It ends early if the run has to stop or has
        diverged; the job then returns as usual. Raises UsageError if an epoch was not logged.
        """
        folder = self.restore()
        if folder is not None:
            load(folder)
        for epoch in range(max(self.last_epoch, 0) + 1, last + 1):
            yield epoch
            if self.last_epoch != epoch:
                raise UsageError(f"epoch {epoch} was not logged; expected run.log(epoch={epoch}, ...) in the loop")
            if self.diverged:
                return
            stops = epoch < last and self.should_stop
            if stops or epoch == last or self.checkpoint_due:
                self.checkpoint(save)
            if stops:
                return
