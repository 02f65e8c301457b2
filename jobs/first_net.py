"""A first Keras net: one hidden layer with as many units as the image has pixels, normal initial weights."""

import keras

from hpcsweep.data import load
from hpcsweep.training import fit


def train(run, *, dataset: str = "digits", batch_size: int = 200, epochs: int, validate: int = 0):
    """Train with Adam; the history holds the accuracy on training and test images from epoch 0 on."""
    data = load(dataset)
    if validate:  # on the last training examples; what the data set had to validate on is looked at once, at the end
        data = data.with_test(validate)
    model = keras.Sequential(
        [
            keras.Input(data.input_shape),
            keras.layers.Rescaling(1 / data.white),
            keras.layers.Flatten(),
            keras.layers.Dense(data.input_size, activation="relu", kernel_initializer="random_normal"),
            keras.layers.Dense(len(data.classes), activation="softmax", kernel_initializer="random_normal"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs, batch_size=batch_size)
