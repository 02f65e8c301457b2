"""A run without a store, for measuring what training itself takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from hpcsweep.training.run_protocol import RunHandle


class MemoryRun:
    """Keeps in memory what a run's handle keeps in the store."""

    diverged = should_stop = checkpoint_due = False
    stop_rule = on_divergence = crew = precision = folder = None
    keep_rule: ClassVar[dict[str, Any]] = {}
    stack_order, faster = "own", True

    def __init__(self, seed: int, epochs: int, engine: str) -> None:
        self.id = self.trajectory = f"{seed:064x}"
        self.seed, self.engine_choice = seed, engine
        self.params: dict[str, Any] = {"epochs": epochs}
        self.expected_epochs = epochs
        self.remaining_s = float("inf")
        self.history: dict[str, list[float]] = {}
        self.facts: dict[str, Any] = {}

    def log(self, epoch: int, **metrics: float) -> None:
        """Add an epoch."""
        self.log_many([epoch], {name: [value] for name, value in metrics.items()})

    def log_many(self, epochs: Sequence[int], metrics: Mapping[str, Sequence[float]]) -> None:
        """Add epochs."""
        for name, values in {"epoch": epochs, **metrics}.items():
            self.history.setdefault(name, []).extend(values)

    def record(self, **facts: Any) -> None:
        """Keep facts."""
        self.facts.update(facts)

    def attach(self, **arrays: Any) -> None:
        """Keep nothing."""

    def checkpoint(self, state: Any, *, epoch: int | None = None) -> None:
        """Keep nothing."""

    def restore(self) -> None:
        """There is never a checkpoint."""

    def restart(self) -> None:
        """Forget the history."""
        self.history = {}

    def decide(self, key: str, propose: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Decide anew."""
        return propose()

    def generators(self) -> dict[str, Any]:
        """Leave the generators of Python and NumPy as they are."""
        return {}

    def set_generators(self, states: dict[str, Any]) -> None:
        """Leave them as they are."""


def _as_training_needs_it(run: MemoryRun) -> RunHandle:
    """Show the type checker that it has all that training asks of a run."""
    return run
