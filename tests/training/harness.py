"""A run's handle for tests: everything in memory, or in one folder that outlives the process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hpcsweep.store.array_bytes import pack_state, unpack_state
from hpcsweep.worker.process.generators import generator_states, set_generator_states
from hpcsweep.worker.run.history import History


class FakeRun:
    """Keeps checkpoints as bytes, newest last; stops when `stop_after` calls of should_stop have been answered."""

    def __init__(self, epochs: int, *, seed: int = 0, folder: Path | None = None, **settings: Any) -> None:
        self.params: Mapping[str, Any] = {"epochs": epochs}
        self.seed = seed
        self.folder = folder
        self.checkpoints: list[bytes] = settings.pop("checkpoints", [])
        self.stop_after: int | None = settings.pop("stop_after", None)
        self.checkpoint_every_s: float = settings.pop("checkpoint_every_s", 5.0)
        self.engine_choice = settings.pop("engine", "compiled")
        self.precision: str | None = settings.pop("precision", None)
        self.stack_order = settings.pop("stack_order", "own")
        self.faster = settings.pop("faster", True)
        self.expected_epochs: int = settings.pop("expected_epochs", epochs)
        self.keep_rule = settings.pop("keep", {})
        self.crew = settings.pop("crew", None)
        self.stop_rule = settings.pop("stop", None)
        self.on_divergence = settings.pop("on_divergence", None)
        self.decisions: dict[str, dict[str, Any]] = settings.pop("decisions", {})
        assert not settings, settings
        self.facts: dict[str, Any] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self._history = History()
        self._checkpointed = time.monotonic()

    @property
    def history(self) -> dict[str, list[float]]:
        return self._history.as_lists()

    @property
    def diverged(self) -> bool:
        return self._history.diverged

    @property
    def should_stop(self) -> bool:
        if self.stop_after is None:
            return False
        self.stop_after -= 1
        return self.stop_after < 0

    @property
    def checkpoint_due(self) -> bool:
        return time.monotonic() - self._checkpointed >= self.checkpoint_every_s

    def log_many(self, epochs, metrics) -> None:
        self._history.extend(epochs, metrics, time.monotonic())

    def record(self, **facts: Any) -> None:
        self.facts.update(facts)

    def attach(self, **arrays: Any) -> None:
        self.arrays.update(arrays)

    def generators(self) -> dict[str, Any]:
        return generator_states()

    def set_generators(self, states: dict[str, Any]) -> None:
        set_generator_states(states)

    def restart(self) -> None:
        self._history = History()

    def decide(self, key, propose):
        if key not in self.decisions:
            self.decisions[key] = propose()
        return self.decisions[key]

    def checkpoint(self, state: Any, *, epoch: int | None = None) -> None:
        reached = max(self._history.last_epoch, epoch or 0)
        whole = {"state": state, "history": self._history.columns(), "epoch": reached, "generators": generator_states()}
        packed = pack_state(whole, generation=1, epoch=reached)
        self.checkpoints.append(packed)
        del self.checkpoints[:-2]
        if self.folder is not None:
            temporary = self.folder / "temporary"
            temporary.write_bytes(packed)
            temporary.replace(self.folder / "checkpoint")
        self._checkpointed = time.monotonic()

    def restore(self) -> Any:
        if self.folder is not None and (self.folder / "checkpoint").exists():
            self.checkpoints = [(self.folder / "checkpoint").read_bytes()]
        for packed in reversed(self.checkpoints):
            whole = unpack_state(packed)
            if whole["epoch"] <= self.params["epochs"]:
                self._history = History.from_columns(whole["history"])
                set_generator_states(whole["generators"])
                return whole["state"]
        return None


def outcome(run: FakeRun) -> dict[str, Any]:
    """All that must be equal to the bit."""
    history = {name: column for name, column in run.history.items() if name != "seconds"}
    digests = {name: run.facts.get(name) for name in ("initial_weights_sha256", "final_weights_sha256")}
    return {**history, **digests, "confusion": run.arrays["confusion_matrix"].tolist()}
