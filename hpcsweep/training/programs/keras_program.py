"""What all programs around one Keras model share, whatever trains it."""

from __future__ import annotations

from typing import Any

from hpcsweep.training.examples import TrainingData
from hpcsweep.training.programs.calls import EpochBatches
from hpcsweep.training.programs.evaluation_batch import evaluation_batch
from hpcsweep.training.state.variables import State, load_state, read_metrics, read_state


class KerasProgram:
    """Owns a model whose variables hold the present state."""

    divisible = True
    call_weight = 1
    faster = False

    def __init__(self, model: Any, batch_size: int, data: TrainingData) -> None:
        """Adopt `model`, which must be built and compiled; its variables become the program's."""
        self.model = model
        self.compile_s = 0.0
        self.epoch_s: float | None = None
        self._batch_size = batch_size
        self.evaluation_batch = evaluation_batch(model, data.x, batch_size)
        self._batches = EpochBatches(batch_size, data.examples, data.validated, validated_size=batch_size)
        self.epoch_batches = self._batches.count

    def load(self, state: State) -> None:
        """Start from `state`."""
        load_state(self.model, state)

    def read(self) -> State:
        """Return the state reached."""
        return read_state(self.model)

    def read_within(self) -> State:
        """Return the state reached inside an epoch: also what the metrics have gathered."""
        return {**self.read(), **read_metrics(self.model)}

    def finish(self) -> None:
        """Do what Keras does at the end of `fit`."""
        if self.model.optimizer is not None:
            self.model.optimizer.finalize_variable_values(self.model.trainable_weights)
