"""Which weights `fit` keeps as Keras's own file, through stops, and what it says where it keeps none."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpcsweep.training import fit, seed_everything
from tests.training.harness import FakeRun

BY_LOSS = {"model": "both", "by": "val_loss", "mode": "min"}
RATE = 0.5
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype("float32"), RNG.normal(size=(40, 1)).astype("float32")


class Unsaid(keras.layers.Layer):
    """A layer that does not say how it was made."""

    def __init__(self, units):
        super().__init__()
        self.inner = keras.layers.Dense(units)

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        raise KeyError("units")


def _model(*layers):
    seed_everything(0)
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(RATE), "mse")  # so large a rate that the loss goes up and down
    return model


def _trained(run: FakeRun, *, stream: bool):
    model = _model()
    if stream:
        data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
        fit(run, model, data, validation_data=(X, Y), epochs=run.params["epochs"])
    else:
        fit(run, model, X, Y, validation_data=(X, Y), epochs=run.params["epochs"], batch_size=8)
    return model


def _new(where: Path, name: str) -> Path:
    (where / name).mkdir()
    return where / name


def _weights(path: Path):
    return [weight.tobytes() for weight in keras.models.load_model(path).get_weights()]


@pytest.mark.parametrize("stream", [False, True])
def test_the_best_weights_are_those_of_the_best_epoch_through_stops(tmp_path: Path, stream: bool) -> None:
    """Stopped after any epoch or not, model-best.keras has the weights of a training that ends there, to the bit."""
    whole = FakeRun(6, folder=_new(tmp_path, "whole"), keep=BY_LOSS, engine="fit")
    final = _trained(whole, stream=stream)
    losses = dict(zip(whole.history["epoch"], whole.history["val_loss"], strict=True))
    losses.pop(0, None)
    best = int(min(losses, key=losses.__getitem__))
    assert whole.facts["best_epoch"] == best < 6
    assert _weights(tmp_path / "whole" / "model.keras") == [weight.tobytes() for weight in final.get_weights()]
    expected = [weight.tobytes() for weight in _trained(FakeRun(best, engine="fit"), stream=stream).get_weights()]
    assert _weights(tmp_path / "whole" / "model-best.keras") == expected
    for stop in range(1, 6):
        folder = _new(tmp_path, f"stopped-{stop}")
        _trained(FakeRun(6, folder=folder, keep=BY_LOSS, engine="fit", stop_after=stop), stream=stream)
        assert not (folder / "model-best.keras").exists()
        _trained(FakeRun(6, folder=folder, keep=BY_LOSS, engine="fit"), stream=stream)
        assert _weights(folder / "model-best.keras") == expected


def test_what_cannot_be_kept_is_recorded_and_fails_no_run(tmp_path: Path) -> None:
    """A layer that cannot be saved, and a model that is too large for an unasked one, leave a reason and no file."""
    run = FakeRun(1, folder=_new(tmp_path, "unsaid"), keep={"model": "final"})
    fit(run, _model(Unsaid(3)), X, Y, batch_size=8)
    assert run.facts["model_not_kept"].startswith("KeyError")
    large = FakeRun(1, folder=_new(tmp_path, "large"), keep={"model": "final", "model_mb": 0.00001})
    fit(large, _model(), X, Y, batch_size=8)
    assert '[keep] model = "final"' in large.facts["model_not_kept"]
    assert not list(tmp_path.glob("*/*.keras"))


def test_best_weights_that_were_not_kept_in_time_are_not_made_up(tmp_path: Path) -> None:
    """A training that began without the wish, and was best before it, has no best model, and says so."""
    _trained(FakeRun(6, folder=tmp_path, engine="fit", stop_after=6), stream=False)
    later = FakeRun(6, folder=tmp_path, keep=BY_LOSS, engine="fit")
    _trained(later, stream=False)
    assert later.facts["best_epoch"] < 6
    assert "the best, were not kept" in later.facts["model_not_kept"]
    assert not (tmp_path / "model-best.keras").exists()
