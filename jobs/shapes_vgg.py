"""A small relative of VGG for drawn shapes: pairs of 3x3 convolutions and pooling, twice, then a dense layer."""

import keras

from hpcsweep.data import load
from hpcsweep.training import fit


def train(
    run,
    *,
    learning_rate: float,
    decay: float = 0.0,
    scaled: bool = True,
    filters: int = 8,
    train_images: int = 600,
    side: int = 24,
    batch_size: int = 20,
    epochs: int,
):
    """Train by gradient descent with momentum; after n steps the rate is learning_rate / (1 + decay n)."""
    data = load("shapes", train=train_images, validate=300, side=side)
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Rescaling(1 / data.white if scaled else 1.0)])
    for width in (filters, 2 * filters):
        model.add(keras.layers.Conv2D(width, 3, padding="same", activation="relu"))
        model.add(keras.layers.Conv2D(width, 3, padding="same", activation="relu"))
        model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(4 * filters, activation="relu"))
    model.add(keras.layers.Dense(len(data.classes), activation="softmax"))
    rate = keras.optimizers.schedules.InverseTimeDecay(learning_rate, 1, decay) if decay else learning_rate
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs, batch_size=batch_size)
