"""What the sweep file wishes of training: the part of `run` that only passes it on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpcsweep.store.manifest import WorkerSettings


class Wished:
    """The settings of the sweep file, for `fit`."""

    _settings: WorkerSettings

    @property
    def engine_choice(self) -> str:
        """The training engine that the sweep file asks for."""
        return self._settings.engine

    @property
    def precision(self) -> str | None:
        """What the sweep file says that Keras computes in; None where the job says it."""
        return self._settings.precision

    @property
    def stack_order(self) -> str:
        """Whether each stacked run has its "own" order of the data, or all have one that is "shared"."""
        return self._settings.stack_order

    @property
    def faster(self) -> bool:
        """Whether tricks may be used that compute the same numbers in less time."""
        return self._settings.faster

    @property
    def keep_rule(self) -> Mapping[str, Any]:
        """The section [keep]: which `model` to keep, of `model_mb` at most, the best `by` a metric with its `mode`."""
        return self._settings.keep or {}

    @property
    def stop_rule(self) -> Mapping[str, Any] | None:
        """The early-stopping rule of the sweep file."""
        return self._settings.stop

    @property
    def on_divergence(self) -> Mapping[str, Any] | None:
        """What the sweep file says to do when a run diverges."""
        return self._settings.on_divergence
