"""A run of more epochs goes on only from a run that began with the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest

from hpcsweep.errors import JobError
from hpcsweep.training import fit, seed_everything
from tests.training import nets
from tests.training.harness import FakeRun

L, K = keras.layers, keras.callbacks
DATA = nets.images(40, 10)


class Falling(keras.callbacks.Callback):
    """Lets the rate fall towards the last epoch that Keras tells of."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = 0.1 * (1 - epoch / self.params["epochs"])


def _cosine(epochs: int) -> Any:
    return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 2 * epochs))


JOBS: dict[str, tuple[Callable[[int], Any], Callable[[int], Any]]] = {
    "the learning rate": (lambda epochs: nets.dense(keras.optimizers.SGD(0.1 / epochs)), lambda _: []),
    "what it was compiled with": (lambda epochs: nets.dense(_cosine(epochs)), lambda _: []),
    "the model": (lambda epochs: nets.classifier(L.Flatten(), L.Dropout(0.1 * epochs)), lambda _: []),
    r"LearningRateScheduler.schedule.epochs \(1, now 2\)": (
        lambda _: nets.dense(),
        lambda epochs: [K.LearningRateScheduler(lambda epoch: 0.1 * (1 - epoch / epochs))],
    ),
    r"ReduceLROnPlateau.patience \(1, now 2\)": (
        lambda _: nets.dense(),
        lambda epochs: [K.ReduceLROnPlateau(patience=epochs)],
    ),
    "what a callback reads in its params": (lambda _: nets.dense(), lambda _: [Falling()]),
}


@pytest.mark.parametrize("words", JOBS)
def test_what_depends_on_epochs_is_no_trajectory(words: str) -> None:
    """What a job makes of `epochs` is named, and with it what to write; the same run alone is trained."""
    build, callbacks = JOBS[words]

    def train(epochs: int, kept: list[bytes]) -> None:
        run = FakeRun(epochs, checkpoints=kept)
        seed_everything(0)
        fit(run, build(epochs), DATA, callbacks=callbacks(epochs))

    kept: list[bytes] = []
    train(1, kept)
    with pytest.raises(JobError, match=f"1 epochs that began otherwise: .*{words}.*shares_epochs=False"):
        train(2, kept)
    train(2, [])
