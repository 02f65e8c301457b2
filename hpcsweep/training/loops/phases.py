"""Several trainings in one run, one after the other: pre-training, a new head, fine-tuning.

A phase has its own optimizer, epochs, engine and columns of the history (`head_loss`), and its checkpoints also hold
how each phase before it ended; so a run that goes on passes over what is done, and goes on in the right one.
"""

from __future__ import annotations

import weakref
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from hpcsweep.errors import JobError, StoreError, UsageError
from hpcsweep.metrics import SECONDS, has_diverged
from hpcsweep.sweep.runs import short_id
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.variables import require_usable

_UNPREFIXED = ("epoch", SECONDS)


class Book:
    """What `fit` was called for in this call of a job."""

    def __init__(self) -> None:
        self.called: list[str | None] = []
        self.models: weakref.WeakSet[Any] = weakref.WeakSet()
        self.saved: dict[str, Any] | None = None
        self.ended: list[dict[str, Any]] = []
        self.digests: dict[str, dict[str, Any]] = {}
        self.paused = False

    def open(self, run: RunHandle, phase: str | None) -> None:
        """Begin one call of `fit`; JobError if it cannot be told from one before it."""
        if phase is not None and (not phase.isidentifier() or phase.startswith("val_")):
            raise UsageError(f'fit: phase is {phase!r}; expected a word such as "head"')
        if self.called and (phase is None or None in self.called):
            raise JobError(
                "fit was called a second time in this run; expected a phase for each call: "
                'fit(..., phase="head"), then fit(..., phase="fine")'
            )
        if phase in self.called:
            raise JobError(f"fit was called twice with phase {phase!r}; expected another name for each phase")
        if phase is not None and run.on_divergence:
            raise UsageError("fit: [on_divergence] is set, and there are phases; expected one of the two")
        if phase is not None and not self.called:
            self.saved = run.restore()
            if self.saved is not None and "phase" not in self.saved:
                raise StoreError(
                    f"this run's checkpoint was made without phases, and now there is the phase {phase}; expected the "
                    "same phases (was the job changed?)"
                )
        self.called.append(phase)


_books: weakref.WeakKeyDictionary[Any, Book] = weakref.WeakKeyDictionary()


def book_of(run: RunHandle) -> Book:
    """Return the book of this call of a job."""
    return _books.setdefault(run, Book())


def restored(run: RunHandle, *, is_stream: bool) -> Any:
    """Return the checkpoint to go on from, None if there is none; StoreError if it is of another kind of training."""
    saved = run.restore()
    if saved is not None:
        require_usable(saved, phase=run.name if isinstance(run, Phase) else None, is_stream=is_stream)
    return saved


class Phase:
    """A run's handle, as one phase of it sees it: with epochs from 0, and metrics without the phase's name."""

    def __init__(self, run: RunHandle, name: str, book: Book) -> None:
        self._run, self.name, self._book = run, name, book
        self._first = len(book.ended)
        self._offset = sum(int(ended["rows"]) for ended in book.ended)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    # -- what was done in earlier attempts ----------------------------------------------------------------------------

    def ended_before(self) -> dict[str, Any] | None:
        """Return how this phase ended in an earlier attempt, if the checkpoint lies in a later phase; None else."""
        saved = self._book.saved
        if saved is None or self._first >= len(saved["ended"]):
            return None
        ended: dict[str, Any] = saved["ended"][self._first]
        self._require_name(ended["phase"])
        return ended

    def restore(self) -> Any:
        """Return the checkpoint if it lies in this phase."""
        saved = self._book.saved
        if saved is None or self._first > len(saved["ended"]):
            return None
        self._require_name(saved["phase"])
        return saved

    def require_beginning(self, digest: str) -> None:
        """Raise StoreError if this phase would not begin with the weights that it began with before."""
        saved = self.restore()
        if saved is not None and saved["began_with"] != digest:
            raise StoreError(
                f"phase {self.name} began with the weights {short_id(saved['began_with'])}, and would now begin with "
                f"{short_id(digest)}; expected the same (was the job changed, or does it draw numbers of its own?)"
            )

    def begin(self, digest: str) -> None:
        """Note the weights that the phase begins with, and whether the phase before ended with them."""
        before = self._book.ended[-1] if self._book.ended else None
        facts: dict[str, Any] = {"initial_weights_sha256": digest}
        if before is not None:
            facts |= {"after": before["phase"], "begins_where_that_ended": before["ended_with"] == digest}
        self._book.digests[self.name] = facts

    def end(self, variables: Mapping[str, Any], digest: str, metrics: Mapping[str, float]) -> None:
        """Note how the phase ended, for the checkpoints of those to come."""
        last = self._run.history["epoch"][-1:] or [-1]
        self._book.ended.append(
            {
                "phase": self.name,
                "rows": last[0] + 1 - self._offset,
                "variables": dict(variables),
                "ended_with": digest,
                "metrics": dict(metrics),
                "generators": self._run.generators(),
                "facts": self._book.digests[self.name],
            }
        )

    def pass_over(self, ended: dict[str, Any]) -> dict[str, float]:
        """Take the phase as it ended in an earlier attempt; return its metrics."""
        self._book.ended.append(ended)
        self._book.digests[self.name] = dict(ended["facts"])
        self._run.set_generators(ended["generators"])
        self._run.record(phases=self._book.digests)
        return {name: float(value) for name, value in ended["metrics"].items()}

    # -- what the loops ask of a run ----------------------------------------------------------------------------------

    @property
    def history(self) -> dict[str, list[float]]:
        """The epochs of this phase, from 0, and its metrics."""
        whole, prefix = self._run.history, f"{self.name}_"
        first = bisect_left(whole["epoch"], self._offset)
        own = {
            name.removeprefix(prefix): column[first:]
            for name, column in whole.items()
            if name in _UNPREFIXED or name.startswith(prefix)
        }
        return {**own, "epoch": [epoch - self._offset for epoch in own["epoch"]]}

    @property
    def diverged(self) -> bool:
        """Whether a loss of this phase is NaN or infinite."""
        own = self.history
        rows = range(len(own["epoch"]))
        return any(has_diverged({name: column[row] for name, column in own.items()}) for row in rows)

    def log_many(self, epochs: Sequence[int], metrics: Mapping[str, Sequence[float]]) -> None:
        """Add epochs of this phase to the run's history."""
        named = {name if name in _UNPREFIXED else f"{self.name}_{name}": column for name, column in metrics.items()}
        self._run.log_many([epoch + self._offset for epoch in epochs], named)

    def record(self, **facts: Any) -> None:
        """Keep facts with the result: those of the run's last phase, and the digests and the engine of each."""
        own = self._book.digests.setdefault(self.name, {})
        own |= {name: facts[name] for name in ("engine", "final_weights_sha256", "ended_early") if name in facts}
        if self._first and "initial_weights_sha256" in facts:
            facts = {name: value for name, value in facts.items() if name != "initial_weights_sha256"}
        self._run.record(**facts, phases=self._book.digests)

    def checkpoint(self, state: Any, *, epoch: int | None = None) -> None:
        """Keep the state of this phase, and how those before it ended."""
        began_with = self._book.digests[self.name]["initial_weights_sha256"]
        whole = {**state, "phase": self.name, "ended": self._book.ended, "began_with": began_with}
        self._run.checkpoint(whole, epoch=None if epoch is None else epoch + self._offset)

    def _require_name(self, found: str) -> None:
        if found != self.name:
            raise StoreError(
                f"this run's checkpoint has the phase {found} where the job now has {self.name}; expected the same "
                "phases in the same order (was the job changed?)"
            )
