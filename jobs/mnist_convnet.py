"""Keras' own example of a convolutional net for MNIST, mnist_cnn.py: two convolutions, dropout, Adadelta."""

import keras

from hpcsweep.data import load
from hpcsweep.training import fit


def train(run, *, dataset: str = "mnist", learning_rate: float = 1.0, batch_size: int = 128, epochs: int = 12):
    """Train as the example does; its Adadelta had a rate of 1.0 by default, where today's Keras has 0.001."""
    data = load(dataset)
    model = keras.Sequential(
        [
            keras.Input(data.input_shape),
            keras.layers.Rescaling(1 / data.white),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Dropout(0.25),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(len(data.classes), activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adadelta(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs, batch_size=batch_size)
