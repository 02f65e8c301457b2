"""The history of a run: one row per epoch, kept by column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpcsweep.errors import UsageError
from hpcsweep.metrics import LOSSES, SECONDS
from hpcsweep.worker.run.real_number import metric_name, real_numbers


class Column(list[Any]):
    """What was logged under one name: a list that grows with the history, and that nobody else can change.

    Its copies are plain lists.
    """

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise UsageError("run.history was changed; expected that it is only read: list(column) is a copy to change")

    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)


class History:
    """Epochs, strictly increasing, and their metrics; NaN if an epoch lacks a metric."""

    def __init__(self) -> None:
        self._epochs = Column()
        self._metrics: dict[str, Column] = {}
        self._last_time: float | None = None
        self._in_last_epoch: set[str] = set()
        self.diverged = False

    @property
    def last_epoch(self) -> int:
        """The last logged epoch, -1 if there is none."""
        return self._epochs[-1] if self._epochs else -1

    def append(self, epoch: int, metrics: Mapping[str, float], now_s: float) -> None:
        """Add one epoch, logged at `now_s` on a monotonic clock."""
        self.extend([epoch], {name: [value] for name, value in metrics.items()}, now_s)

    def extend(self, epochs: Sequence[int], metrics: Mapping[str, Sequence[float]], now_s: float) -> None:
        """Add several epochs; nothing is added if anything about them is wrong."""
        self._check_epochs(epochs)
        columns = {name: _numbers(name, values, len(epochs)) for name, values in metrics.items()}
        if SECONDS not in columns:
            since = 0.0 if self._last_time is None else now_s - self._last_time
            columns[SECONDS] = [since / max(len(epochs), 1)] * len(epochs)
        self._last_time = now_s
        for name in columns:
            if name not in self._metrics:
                self._metrics[name] = Column([math.nan] * len(self._epochs))
        for name, column in self._metrics.items():
            list.extend(column, columns.get(name, [math.nan] * len(epochs)))
        list.extend(self._epochs, map(int, epochs))
        self._in_last_epoch = set(columns)
        self.diverged = self.diverged or any(
            not math.isfinite(value) for name in LOSSES for value in columns.get(name, [])
        )

    def last_values(self) -> dict[str, float]:
        """Return the last value of each metric: of the last epoch, or of the last that has one if it was not logged."""
        return {
            name: column[-1] if name in self._in_last_epoch else _last_number(column)
            for name, column in self._metrics.items()
            if column
        }

    @property
    def marks(self) -> dict[str, Any]:
        """What the columns do not tell, since a value that was not logged is NaN in them."""
        return {"diverged": self.diverged, "in_last_epoch": sorted(self._in_last_epoch)}

    def as_lists(self) -> dict[str, list[float]]:
        """Return all columns, `epoch` first: no copies, so that this costs the same however long they are."""
        return {"epoch": self._epochs, **self._metrics}

    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return all columns as arrays: `epoch` int64, the metrics float64."""
        return {
            "epoch": np.array(self._epochs, dtype=np.int64),
            **{name: np.array(column, dtype=np.float64) for name, column in self._metrics.items()},
        }

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, np.ndarray[Any, Any]], marks: Mapping[str, Any] | None = None
    ) -> History:
        """Return the history that `columns()` and `marks` come from; without marks every NaN counts as logged."""
        history = cls()
        history._epochs = Column(columns["epoch"].tolist())
        history._metrics = {name: Column(column.tolist()) for name, column in columns.items() if name != "epoch"}
        losses = [value for name in LOSSES for value in history._metrics.get(name, [])]
        history.diverged = marks["diverged"] if marks else not all(map(math.isfinite, losses))
        history._in_last_epoch = set(marks["in_last_epoch"] if marks else history._metrics)
        return history

    def _check_epochs(self, epochs: Sequence[int]) -> None:
        last = self.last_epoch
        for epoch in epochs:
            if isinstance(epoch, bool) or not isinstance(epoch, (int, np.integer)):
                raise UsageError(f"run.log: epoch is {epoch!r}; expected an integer from 0 (the fresh model)")
            if epoch <= last:
                raise UsageError(
                    f"run.log: epoch {epoch} after epoch {max(last, 0)}; expected a later one (call run.restore() "
                    "when there is a checkpoint)"
                )
            last = int(epoch)


def _last_number(column: list[float]) -> float:
    return next((value for value in reversed(column) if not math.isnan(value)), math.nan)


def _numbers(name: str, values: Sequence[Any], length: int) -> list[float]:
    numbers = real_numbers(metric_name(name, "run.log"), values, "run.log")
    if len(numbers) != length:
        raise UsageError(f"run.log: {name} has {len(numbers)} numbers; expected one for each of {length} epochs")
    return numbers
