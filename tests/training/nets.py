"""Small nets and data sets that between them use what the engines must get right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.data import Data

L = keras.layers
BACKEND = keras.config.backend()
tensorflow_only = pytest.mark.skipif(BACKEND != "tensorflow", reason="a rule of Keras on TensorFlow")
jax_only = pytest.mark.skipif(BACKEND != "jax", reason="a rule of Keras on JAX")


def at_rate(rate: float, build: Callable[[Any], Any] | None = None) -> Callable[[], Any]:
    """What builds a net, the dense one if none is named, with Adam at a learning rate."""
    return lambda: (build or dense)(keras.optimizers.Adam(rate))


def images(train: int = 203, validate: int = 45, seed: int = 0) -> Data:
    """Three classes of noisy uint8 images, 8 by 8; neither part is a multiple of the batch sizes used."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 200, (3, 8, 8, 1))

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(0, 3, count)
        noise = rng.normal(0, 40, (count, 8, 8, 1))
        return np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8), labels

    return Data(*part(train), *part(validate), classes=("a", "b", "c"), white=255.0)


def weighted(data: Data) -> Data:
    """The same data with a weight for each example."""
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2.0, len(data.x)), rng.uniform(0.5, 2.0, len(data.x_val))
    return Data(data.x, data.y, data.x_val, data.y_val, *weights, classes=data.classes, white=data.white)


def curve(train: int = 101, validate: int = 30) -> Data:
    """The sine function, float64 in and out."""
    rng = np.random.default_rng(2)
    x, x_val = rng.uniform(-3, 3, (train, 1)), rng.uniform(-3, 3, (validate, 1))
    return Data(x, np.sin(x), x_val, np.sin(x_val))


def classifier(*layers: Any, optimizer: Any = "adam") -> keras.Model:
    """A compiled classifier of `images()` around the given layers."""
    model = keras.Sequential([keras.Input((8, 8, 1)), L.Rescaling(1 / 255), *layers, L.Dense(3, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def dense(optimizer: Any = "adam") -> keras.Model:
    """Two small hidden layers."""
    return classifier(L.Flatten(), L.Dense(8, "relu"), L.Dense(8, "relu"), optimizer=optimizer)


def conv(optimizer: Any = "adam") -> keras.Model:
    """One convolution."""
    return classifier(L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), optimizer=optimizer)


def strided(optimizer: Any = "adam") -> keras.Model:
    """Convolutions without pooling, which XLA has no deterministic gradient for."""
    return classifier(L.Conv2D(4, 3, activation="relu"), L.Conv2D(4, 3, strides=2), L.Flatten(), optimizer=optimizer)


def dropout(optimizer: Any = "adam") -> keras.Model:
    """A random layer, whose seeds are state."""
    return classifier(L.Flatten(), L.Dense(16, "relu"), L.Dropout(0.4), optimizer=optimizer)


def batch_norm(optimizer: Any = "sgd") -> keras.Model:
    """Running averages, which are state, and dropout."""
    return classifier(L.Conv2D(4, 3), L.BatchNormalization(), L.Flatten(), L.Dropout(0.2), optimizer=optimizer)


def normalised(optimizer: Any = "sgd") -> keras.Model:
    """Running averages in a dense net."""
    return classifier(L.Flatten(), L.Dense(8), L.BatchNormalization(), L.Dropout(0.2), optimizer=optimizer)


def regularised(optimizer: Any = "rmsprop") -> keras.Model:
    """A loss that the layers add to."""
    return classifier(L.Flatten(), L.Dense(8, "sigmoid", kernel_regularizer="l2"), optimizer=optimizer)


def scheduled() -> keras.Model:
    """A learning rate that follows the optimizer's iterations."""
    return dense(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9), momentum=0.9))


def averaged() -> keras.Model:
    """Weights that are replaced by their average at the end."""
    return dense(keras.optimizers.Adam(use_ema=True, ema_momentum=0.9))


def mixed() -> keras.Model:
    """Computes in half precision, and keeps its weights in single."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return dropout()
    finally:
        keras.config.set_dtype_policy("float32")


def functional(optimizer: Any = "adagrad") -> keras.Model:
    """Two branches, joined."""
    inputs = keras.Input((8, 8, 1))
    flat = L.Flatten()(L.Rescaling(1 / 255)(inputs))
    joined = L.Concatenate()([L.Dense(4, "relu")(flat), L.Dense(5, "tanh")(flat)])
    model = keras.Model(inputs, L.Dense(3, "softmax")(joined))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Own(keras.Model):
    """A subclass whose layers are built when it is first called, with a train step and a loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = L.Dense(8, "relu"), L.Dense(3, "softmax")

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(keras.ops.cast(keras.ops.reshape(inputs, (-1, 64)), "float32") / 255))

    def compute_loss(self, *given: Any, **named: Any) -> Any:
        return super().compute_loss(*given, **named) + 0.01 * keras.ops.sum(keras.ops.square(self.hidden.kernel))


def subclass() -> keras.Model:
    """A model of the user's own class."""
    model = Own()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def regression() -> keras.Model:
    """A net for `curve()`."""
    model = keras.Sequential([keras.Input((1,)), L.Dense(16, "relu"), L.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


Build = Callable[[], keras.Model]
