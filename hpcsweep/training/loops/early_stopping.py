"""When training ends before its last epoch: divergence, and the sweep's early-stopping rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hpcsweep.errors import JobError, nearest
from hpcsweep.metrics import has_diverged


class Stopping:
    """Looks at one epoch after another; all it remembers can be told again from the history, so it needs no saving."""

    def __init__(self, rule: Mapping[str, Any] | None) -> None:
        """Follow `rule`: `metric`, its better direction `mode`, `patience` (epochs without gain), `min_delta`.

        `best_epoch` is the one with the best value of the metric so far, by the least gain that counts.
        """
        self._metric = str(rule["metric"]) if rule else None
        self._patience = int(rule.get("patience", 0)) if rule else 0
        self._min_delta = abs(float(rule.get("min_delta", 0.0))) if rule else 0.0
        self._sign = 1.0 if rule and rule["mode"] == "max" else -1.0
        self._best = -math.inf
        self._epochs_without_gain = 0
        self.restores_best = bool(rule and rule.get("restore_best"))
        self.best_epoch: int | None = None
        self.reason: str | None = None
        self.diverged = False

    def check_metric(self, names: list[str]) -> None:
        """Raise JobError if the rule's metric is not one of the model's."""
        if self._metric is not None and self._metric not in names:
            raise JobError(
                f"stop: the model has no metric {self._metric!r}{nearest(self._metric, names)}; "
                f"expected one of {', '.join(names)}"
            )

    def ends(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Take in one epoch, and say whether training ends with it. Epoch 0, the fresh model, is no yardstick."""
        if has_diverged(metrics):
            self.reason, self.diverged = f"diverged at epoch {epoch}", True
        elif self._metric is not None and epoch > 0 and self._waited_in_vain(epoch, metrics[self._metric]):
            self.reason = f"{self._metric} did not improve for {self._patience} epochs"
        return self.reason is not None

    def _waited_in_vain(self, epoch: int, value: float) -> bool:
        if self._sign * value > self._best + self._min_delta:
            self._best, self.best_epoch, self._epochs_without_gain = self._sign * value, epoch, 0
            return False
        self._epochs_without_gain += 1
        return self._epochs_without_gain >= self._patience
