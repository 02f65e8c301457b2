"""The nets that are measured. Nothing here needs hpcsweep, so that the baselines run without it."""

from __future__ import annotations

from typing import Any

WHITE = 255.0


def dense(hidden: list[int], optimizer: str = "adam", learning_rate: float = 0.001, side: int = 28) -> Any:
    """Return a compiled classifier of ten kinds of images: `hidden` layers of ReLUs and a softmax."""
    import keras

    layers = [keras.layers.Flatten(), *(keras.layers.Dense(width, activation="relu") for width in hidden)]
    return _compiled(layers, optimizer, learning_rate, side)


def conv(filters: list[int], optimizer: str = "adam", learning_rate: float = 0.001, side: int = 28) -> Any:
    """Return a compiled classifier: 3x3 convolutions, each with pooling, then two dense layers of 16."""
    import keras

    layers: list[Any] = []
    for width in filters:
        layers += [keras.layers.Conv2D(width, 3, padding="same", activation="relu"), keras.layers.MaxPooling2D(2)]
    layers += [keras.layers.Flatten(), *(keras.layers.Dense(16, activation="relu") for _ in range(2))]
    return _compiled(layers, optimizer, learning_rate, side)


def _compiled(layers: list[Any], optimizer: str, learning_rate: float, side: int) -> Any:
    import keras

    head = [keras.Input((side, side, 1)), keras.layers.Rescaling(1 / WHITE)]
    model = keras.Sequential([*head, *layers, keras.layers.Dense(10, activation="softmax")])
    chosen = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    model.compile(chosen, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
