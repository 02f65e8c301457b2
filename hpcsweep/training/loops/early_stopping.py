"""When training ends before its last epoch: divergence, and the sweep's early-stopping rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from hpcsweep.errors import JobError, nearest
from hpcsweep.metrics import has_diverged
from hpcsweep.training.kept_model import wants_best
from hpcsweep.training.run_protocol import RunHandle


class EarlyEnd(Enum):
    """Why training ends before its last epoch; the value says it in words."""

    DIVERGED = "diverged at epoch {epoch}"
    NO_GAIN = "{metric} did not improve for {patience} epochs"
    CALLBACK = "a callback ended training at epoch {epoch}"


def stopping_of(run: RunHandle) -> Stopping:
    """Return what looks at the epochs of a run: by [stop], or else by the metric of [keep], which ends nothing."""
    rule, keep = run.stop_rule, run.keep_rule
    if not rule and keep.get("by"):
        rule = {"metric": keep["by"], "mode": keep["mode"]}
    return Stopping(rule, keeps_best=wants_best(run))


class Stopping:
    """Looks at one epoch after another; all it remembers can be told again from the history, so it needs no saving."""

    def __init__(self, rule: Mapping[str, Any] | None, *, keeps_best: bool = False) -> None:
        """Follow `rule`: `metric`, its better direction `mode`, `patience` (epochs without gain), `min_delta`.

        `best_epoch` is the one with the best value of the metric so far, by the least gain that counts; `keeps_best`
        says whether somebody will want its weights. A rule without `patience` never ends anything.
        """
        self._metric = str(rule["metric"]) if rule else ""
        self._patience = rule.get("patience", math.inf) if rule else 0
        self._min_delta = abs(float(rule.get("min_delta", 0.0))) if rule else 0.0
        self._sign = 1.0 if rule and rule["mode"] == "max" else -1.0
        self._best = -math.inf
        self._epochs_without_gain = 0
        self.restores_best = bool(rule and rule.get("restore_best"))
        self.keeps_best = keeps_best or self.restores_best
        self.best_epoch: int | None = None
        self.why: EarlyEnd | None = None
        self._last_epoch = 0

    def check_metric(self, names: list[str]) -> None:
        """Raise JobError if the rule's metric is not one of the model's."""
        if self._metric and self._metric not in names:
            raise JobError(
                f"[stop] or [keep]: the model has no metric {self._metric!r}{nearest(self._metric, names)}; "
                f"expected one of {', '.join(names)}"
            )

    def ends(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Take in one epoch, and say whether training ends with it. Epoch 0, the fresh model, is no yardstick.

        Nor is an epoch without the metric, which was not validated.
        """
        if has_diverged(metrics):
            self.end(EarlyEnd.DIVERGED, epoch)
        elif self._metric in metrics and epoch > 0 and self._waited_in_vain(epoch, metrics[self._metric]):
            self.end(EarlyEnd.NO_GAIN, epoch)
        return self.why is not None

    def end(self, why: EarlyEnd, epoch: int) -> None:
        """Let training end with an epoch, if it has not been told to before."""
        if self.why is None:
            self.why, self._last_epoch = why, epoch

    @property
    def reason(self) -> str | None:
        """Why training ends early, in words."""
        told = {"epoch": self._last_epoch, "metric": self._metric, "patience": self._patience}
        return self.why.value.format(**told) if self.why else None

    def _waited_in_vain(self, epoch: int, value: float) -> bool:
        if self._sign * value > self._best + self._min_delta:
            self._best, self.best_epoch, self._epochs_without_gain = self._sign * value, epoch, 0
            return False
        self._epochs_without_gain += 1
        return self._epochs_without_gain >= self._patience
