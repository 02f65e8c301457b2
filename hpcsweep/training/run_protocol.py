"""What training needs of a run's handle: the seam between the engines and the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Crew(Protocol):
    """The runs that a worker trains together."""

    def together(self, payload: Any, train: Callable[[list[Any]], list[Any]]) -> Any:
        """Wait for the other members; return this one's result of one common `train` of all payloads, in order."""


class RunHandle(Protocol):
    """The `run` that a job is given."""

    @property
    def crew(self) -> Crew | None:
        """Those that this run may train with, if its worker trains stacks."""

    @property
    def seed(self) -> int:
        """The seed of this run's trajectory."""

    @property
    def params(self) -> Mapping[str, Any]:
        """All parameters of the job."""

    @property
    def history(self) -> dict[str, list[float]]:
        """What was logged so far, a list per metric."""

    @property
    def diverged(self) -> bool:
        """Whether a loss that was logged is NaN or infinite."""

    @property
    def should_stop(self) -> bool:
        """Whether to checkpoint and return; asking and seeing True makes the return a pause."""

    @property
    def checkpoint_due(self) -> bool:
        """Whether another checkpoint would be cheap by now."""

    @property
    def engine_choice(self) -> str:
        """The engine that the sweep asks for."""

    @property
    def precision(self) -> str | None:
        """What the sweep says that Keras computes in; None where the job says it."""

    @property
    def stack_order(self) -> str:
        """Whether the members of a stack see the examples each in its "own" order, or in one that is "shared"."""

    @property
    def faster(self) -> bool:
        """Whether the backend may compute the same bits in less time by ways of its own."""

    @property
    def expected_epochs(self) -> int:
        """The epochs that this process may expect to train of such runs."""

    @property
    def folder(self) -> Path | None:
        """The folder of the run, if it has one: what is in it at the end is kept."""

    @property
    def keep_rule(self) -> Mapping[str, Any]:
        """What is kept there of the trained model: `model` says which weights; see also `model_mb`, `by`, `mode`."""

    @property
    def stop_rule(self) -> Mapping[str, Any] | None:
        """The early-stopping rule of the sweep."""

    @property
    def on_divergence(self) -> Mapping[str, Any] | None:
        """What the sweep says to do when a run diverges."""

    def log_many(self, epochs: Sequence[int], metrics: Mapping[str, Sequence[float]]) -> None:
        """Add epochs to the history."""

    def record(self, **facts: Any) -> None:
        """Keep facts with the result."""

    def attach(self, **arrays: Any) -> None:
        """Keep arrays with the result."""

    def checkpoint(self, state: Any, *, epoch: int | None = None) -> None:
        """Keep a state, with the history so far; `epoch`: the one it lies inside of, if that is not logged yet."""

    def restore(self) -> Any:
        """Return the newest intact state not beyond this run's epochs, or None; the history goes back to it."""

    def restart(self) -> None:
        """Forget the history: the training starts again from a fresh model."""

    def generators(self) -> dict[str, Any]:
        """Return the states of Python's and NumPy's global random generators, as a checkpoint can hold them."""

    def set_generators(self, states: dict[str, Any]) -> None:
        """Put the generators back to `states`."""

    def decide(self, key: str, propose: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was decided for `key` once for all runs of the store."""
