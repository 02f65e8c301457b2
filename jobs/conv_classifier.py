"""A convolutional net for images: two or three convolutions with 2x2 max pooling, then dense layers of 16 and 16."""

from typing import Literal

import keras

from hpcsweep.data import load
from hpcsweep.training import fit


def train(
    run,
    *,
    dataset: str = "digits",
    conv_layers: int,
    filters: int = 8,
    optimizer: Literal["adam", "adagrad"] = "adam",
    learning_rate: float = 0.001,
    batch_size: int = 32,
    epochs: int,
    validate: int = 0,
):
    """Train `conv_layers` 3x3 convolutions of `filters` each, every one followed by pooling."""
    data = load(dataset)
    if validate:  # on the last training examples; what the data set had to validate on is looked at once, at the end
        data = data.with_test(validate)
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Rescaling(1 / data.white)])
    for _ in range(conv_layers):
        model.add(keras.layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(16, activation="relu"))
    model.add(keras.layers.Dense(16, activation="relu"))
    model.add(keras.layers.Dense(len(data.classes), activation="softmax"))
    optimizer = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs, batch_size=batch_size)
