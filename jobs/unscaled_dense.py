"""A tiny dense net on pixels from 0 to 255, with one more thing changed: what may explain the numbers of study 3."""

from dataclasses import replace
from typing import Literal

import keras

from hpcsweep.data import load
from hpcsweep.training import fit

FEW_IMAGES = 6000


def train(
    run,
    *,
    dataset: str = "digits",
    layers: int,
    neurons: int,
    optimizer: Literal["adam", "adagrad"] = "adam",
    change: Literal["none", "few images", "batches of 512", "normal weights", "inverted"] = "none",
    epochs: int,
):
    """Train `layers` hidden layers of `neurons` ReLUs.

    `change`: a tenth of the images; larger batches (32 otherwise); weights with a standard deviation of 0.05, not
    Glorot's; white paper with dark ink, so that most pixels are bright.
    """
    data = load(dataset)
    if change == "few images":
        data = data.limited(train=FEW_IMAGES)
    if change == "inverted":
        white = type(data.x.flat[0])(data.white)
        data = replace(data, x=white - data.x, x_val=white - data.x_val)
    weights = "random_normal" if change == "normal weights" else "glorot_uniform"
    model = keras.Sequential([keras.Input(data.input_shape), keras.layers.Flatten()])
    for _ in range(layers):
        model.add(keras.layers.Dense(neurons, activation="relu", kernel_initializer=weights))
    model.add(keras.layers.Dense(len(data.classes), activation="softmax", kernel_initializer=weights))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs, batch_size=512 if change == "batches of 512" else 32)
