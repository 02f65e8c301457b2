"""One run in a stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hpcsweep.training.examples import content_sha256
from hpcsweep.training.loops.divergence import allowed_times
from hpcsweep.training.loops.early_stopping import EarlyEnd, Stopping, stopping_of
from hpcsweep.training.programs.cache import Setup
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.variables import State


class Seat(NamedTuple):
    """Where a member sits. A sum is rounded otherwise in another seat, or a stack of another size, so it is kept."""

    number: int
    stack_members: int


NO_SEAT = Seat(0, 0)


@dataclass
class Member:
    """A run that is trained with others: where it starts, and what has become of it."""

    run: RunHandle
    setup: Setup
    initial: State
    saved: dict[str, Any] | None
    epochs: int
    shuffle: bool
    shared_order: bool
    must_gain: bool = False
    """Whether it trains in a stack only if that is faster."""
    seat: Seat = NO_SEAT
    alone_because: str = ""
    stopping: Stopping = field(init=False)
    final: State | None = None
    diverged_at: int | None = None

    def __post_init__(self) -> None:
        """Start with the sweep's rules."""
        self.stopping = stopping_of(self.run)
        self._may_begin_again = allowed_times(self.run) > 0
        if self.saved is not None and "seat" in self.saved:
            self.seat = Seat(*self.saved["seat"])

    @property
    def epoch(self) -> int:
        """The epoch to start from."""
        return 0 if self.saved is None else int(self.saved["epoch"])

    @property
    def within(self) -> dict[str, Any] | None:
        """The place inside the next epoch to start from, if the checkpoint lies there."""
        return None if self.saved is None else self.saved.get("within")

    @property
    def shape(self) -> Any:
        """What members have in common that can train together, if they have come equally far."""
        alone = id(self) if self.setup.key is None else None
        return self.setup.key, alone, content_sha256(self.setup.data), self.epochs, self.shuffle, self.shared_order

    @property
    def reached(self) -> Any:
        """How far the member has come: whether it has begun, the epoch, and the batch in it."""
        return self.saved is not None, self.epoch, self.within and self.within["batch"]

    def leaves(self, epoch: int) -> bool:
        """Whether the member leaves the stack at its end, `epoch`, to begin again alone; noted in `diverged_at`."""
        if self.stopping.why is EarlyEnd.DIVERGED and self._may_begin_again:
            self.diverged_at = epoch
            self.alone_because = f"left its stack, where it diverged at epoch {epoch}, to begin again"
        return self.diverged_at is not None
