"""Training on batches that come: one true `model.fit`, stopped and begun again between two epochs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import keras

from hpcsweep.errors import JobError
from hpcsweep.metrics import SECONDS
from hpcsweep.training.engines.program_key import is_all_of_keras
from hpcsweep.training.facts import device_facts, memory_facts
from hpcsweep.training.kept_model import keep_models
from hpcsweep.training.loops.alone import last_metrics, metrics_of, record_end
from hpcsweep.training.loops.beginning import beginning_of, require_same_beginning
from hpcsweep.training.loops.callbacks import Callbacks
from hpcsweep.training.loops.early_stopping import EarlyEnd, stopping_of
from hpcsweep.training.loops.phases import Phase, restored
from hpcsweep.training.loops.streams import Stream
from hpcsweep.training.programs.backend import backend
from hpcsweep.training.programs.fit_program import without
from hpcsweep.training.run_protocol import RunHandle
from hpcsweep.training.state.unkept import Unkept
from hpcsweep.training.state.variables import (
    checkpoint_of,
    load_state,
    read_state,
    weights_sha256,
)


class _Paused(Exception):  # noqa: N818 - no error
    """Leaves `model.fit` where the run is asked to stop."""


class StreamRun:
    """One run on batches that come, on its way. Its history begins with epoch 1: to evaluate the fresh model would
    take examples from the stream."""

    def __init__(
        self, run: RunHandle, model: Any, stream: Stream, epochs: int, callbacks: Callbacks, resume: str
    ) -> None:
        self.run, self.model, self.stream, self.epochs = run, model, stream, epochs
        self.callbacks, self.keeps = callbacks, resume != "restart"
        self.stopping = stopping_of(run)
        self.epoch = self.passing = 0
        self.best: dict[str, Any] | None = None
        self._given: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._passes_over = stream.passes_over and resume == "exact"
        self._unkept = Unkept(model)
        self._began = None if isinstance(run, Phase) else beginning_of(model, None, epochs, None)
        self._generators: dict[str, Any] = {}
        self._has_validated = False
        self._keeps_data = not self._passes_over
        guarantee = stream.resumes if self._passes_over or not stream.passes_over else "statistically: sees what comes"
        self.guarantee = guarantee if self.keeps else "begins anew"

    def train(self) -> tuple[dict[str, float], bool]:
        """Train to the end, or to a request to stop; return the metrics, and whether it came to its end."""
        run, model = self.run, self.model
        run.record(
            initial_weights_sha256=weights_sha256(model),
            engine="fit",
            engine_reason=self.stream.why,
            stacked=False,
            resume=self.guarantee,
            **device_facts(model),
        )
        generators = run.generators()
        saved = restored(run, is_stream=True) if self.keeps else None
        require_same_beginning(saved, self._began)
        self.callbacks.attach(model, epochs=self.epochs, steps=self.stream.arguments["steps_per_epoch"])
        if saved is None:
            self.callbacks.begin(kept=self.keeps)
            if self.keeps:  # what cannot be kept is refused before anything is trained
                self._stream_state()
                self._require_repeatable()
        else:
            self._go_on(saved, generators)
        if not self._fitted():
            return last_metrics(run), False
        return self._finish(), True

    def _go_on(self, saved: dict[str, Any], generators: dict[str, Any]) -> None:
        load_state(self.model, saved["variables"])
        self.epoch, self.best = int(saved["epoch"]), saved.get("best")
        self.callbacks.go_on(saved.get("callbacks"))
        self._given = saved["stream"], self.run.generators()
        self._has_validated = bool(saved.get("has_validated"))
        for epoch, metrics in _logged(self.run.history):
            self.stopping.ends(epoch, metrics)
        self._end_if_a_callback_says_so()
        if self._passes_over:
            self.run.set_generators(generators)  # what is passed over draws from them what it drew before
            self._given = None

    def fit_begins(self) -> None:
        """Put the data back to where they were: Keras begins a training by telling them that an epoch has ended."""
        if self._given is not None:
            state, self._generators = self._given
            self.stream.go_on(state)
            self.run.set_generators(self._generators)
            self._given = self._given if self._has_validated else None

    def batch_ended(self) -> None:
        """Note the state of the generators, as long as a first look at the data to validate on may change it."""
        if self._given is not None and self.stream.validated is not None:
            self._generators = self.run.generators()

    def validation_begins(self) -> None:
        """Put the data to validate on back to where they were: Keras has looked at a first batch of them again."""
        self._has_validated = True
        if self._given is not None:
            self.stream.go_on_validating(self._given[0])
            self.run.set_generators(self._generators)
            self._given = None

    def _fitted(self) -> bool:
        """Call `model.fit` for the epochs that are left; False if a request to stop came before they were over."""
        if self.epoch >= self.epochs or self.stopping.why is not None:
            return True
        self.passing = self.epoch if self._passes_over else 0
        model = self.model
        if self.passing:
            model.train_function = model.test_function = backend().pass_over
            self.callbacks.listen(False)
        try:
            with without(model.optimizer, "finalize_variable_values"):
                model.fit(
                    self.stream.make(0 if self.passing else self.epoch),
                    epochs=self.epochs,
                    initial_epoch=0 if self.passing else self.epoch,
                    verbose=0,
                    callbacks=[_Teller(self), *self.callbacks.relay()],
                    **self.stream.arguments,
                )
        except _Paused:
            return False
        return True

    def train_from_now_on(self) -> None:
        """End the passing over of what was seen."""
        self.passing = 0
        self.model.train_function = self.model.test_function = None
        self.model.make_train_function()
        self.callbacks.listen(True)

    def _finish(self) -> dict[str, float]:
        run, model = self.run, self.model
        self.checkpoint()
        if model.optimizer is not None:
            model.optimizer.finalize_variable_values(model.trainable_weights)
        restores = self.best is not None and self.stopping.restores_best
        if self.best is not None and restores:
            load_state(model, {**read_state(model), **self.best["variables"]})
        self.callbacks.end(last_metrics(run))
        run.record(final_weights_sha256=weights_sha256(model), **memory_facts())
        record_end(run, self.stopping)
        keep_models(run, model, self.best, self.stopping.best_epoch)
        return metrics_of(run, self.best["epoch"]) if self.best and restores else last_metrics(run)

    def _stream_state(self) -> dict[str, Any]:
        return self.stream.state() if self._keeps_data else {}

    def _require_repeatable(self) -> None:
        """Raise JobError if the step of a model of the user's own draws from what no checkpoint can hold."""
        if is_all_of_keras(self.model):
            return
        drawn = backend().unkept_draw(self.model, self.stream.first_batch)
        if drawn is not None:
            raise JobError(
                f"the model's step draws with TensorFlow's {drawn} from a generator whose state cannot be saved; use "
                'keras.random with a keras.random.SeedGenerator, or say fit(..., resume="restart")'
            )

    def checkpoint(self) -> None:
        """Keep the state at the end of an epoch."""
        if not self.keeps:
            return
        self._unkept.require_none()
        whole = checkpoint_of("fit", self.epoch, read_state(self.model), [])
        whole = {
            **whole,
            "began": self._began,
            "has_validated": self._has_validated,
            "stream": self._stream_state(),
            **({"callbacks": self.callbacks.state()} if self.callbacks else {}),
        }
        self.run.checkpoint(whole if self.best is None else {**whole, "best": self.best})

    def epoch_ended(self, epoch: int, logs: dict[str, float], elapsed_s: float) -> None:
        """Take in an epoch, counted from 0; raises _Paused if a request to stop has come."""
        added = self.callbacks.epoch_ends(epoch, logs)
        self.epoch = epoch + 1
        columns = {name: [float(value)] for name, value in {**logs, **added}.items()}
        self.run.log_many([self.epoch], {**columns, SECONDS: [elapsed_s]})
        if self.epoch == 1 and self.keeps:
            self._unkept.require_none()
        if self.stream.arguments["validation_freq"] == 1 or any(name.startswith("val_") for name in columns):
            self.stopping.check_metric(list(columns))
        self.stopping.ends(self.epoch, {name: column[0] for name, column in columns.items()})
        self._end_if_a_callback_says_so()
        if self.stopping.keeps_best and self.stopping.best_epoch == self.epoch:
            weights = {name: array for name, array in read_state(self.model).items() if name.startswith("model/")}
            self.best = {"epoch": self.epoch, "variables": weights}
        self.model.stop_training = self.stopping.why is not None
        is_last = self.epoch == self.epochs or self.model.stop_training
        if not is_last and self.run.should_stop:
            self.checkpoint()
            raise _Paused
        if not is_last and self.run.checkpoint_due:
            self.checkpoint()

    def _end_if_a_callback_says_so(self) -> None:
        if self.callbacks.stopped:
            self.stopping.end(EarlyEnd.CALLBACK, self.epoch)


def _logged(history: dict[str, list[float]]) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the epochs with what was logged of each: one that was not validated has no such metrics."""
    names = [name for name in history if name != "epoch"]
    for row, epoch in enumerate(history["epoch"]):
        of_row = {name: history[name][row] for name in names}
        yield int(epoch), {n: v for n, v in of_row.items() if not (n.startswith("val_") and math.isnan(v))}


class _Teller(keras.callbacks.Callback):
    """Tells the run of each epoch, and leaves `model.fit` if the run is asked to stop."""

    def __init__(self, training: StreamRun) -> None:
        super().__init__()
        self._training, self._began = training, time.perf_counter()

    def on_train_begin(self, logs: Any = None) -> None:
        self._training.fit_begins()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._training.passing > epoch:
            return
        if self._training.passing:
            self._training.train_from_now_on()
        self._began = time.perf_counter()
        self._training.callbacks.epoch_begins(epoch)

    def on_test_begin(self, logs: Any = None) -> None:
        self._training.validation_begins()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._training.batch_ended()
        if self._training.run.should_stop:
            raise _Paused

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._training.passing > epoch:
            return
        self._training.epoch_ended(epoch, logs, time.perf_counter() - self._began)
