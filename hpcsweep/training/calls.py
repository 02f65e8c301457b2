"""Calls of a compiled program: which batches, and how many epochs, one has."""

from __future__ import annotations

from dataclasses import dataclass

_ORDER_NUMBERS = 2**18  # at most so many indices of examples are sent to the device in one call, at least an epoch's
_MOST_EPOCHS_A_CALL = 64


Span = tuple[int, int]
"""The examples from one number on, and before another."""


@dataclass(frozen=True)
class EpochBatches:
    """The batches of an epoch: those of the training, then those of the validation."""

    size: int
    examples: int
    validated: int

    @property
    def to_train(self) -> int:
        """How many are trained on."""
        return -(-self.examples // self.size)

    @property
    def trained_sizes(self) -> tuple[int, ...]:
        """The sizes that the batches trained on have: full ones, and the last one if it is smaller."""
        full = (self.size,) if self.examples >= self.size else ()
        return (*full, left) if (left := self.examples % self.size) else full

    @property
    def count(self) -> int:
        """How many there are in all."""
        return self.to_train - (-self.validated // self.size)

    def spans(self, first: int, last: int) -> tuple[Span, Span]:
        """Return where the batches `first` to `last` - 1 begin and end in the training and in the validation data."""
        trained, size = self.to_train, self.size
        train = min(first * size, self.examples), min(last * size, self.examples)
        if last <= trained:
            return train, (self.validated, self.validated)
        return train, (max(first - trained, 0) * size, min((last - trained) * size, self.validated))


def epochs_a_call(examples: int) -> int:
    """Return the most epochs over so many examples that one call trains."""
    return max(1, min(_MOST_EPOCHS_A_CALL, _ORDER_NUMBERS // examples))
