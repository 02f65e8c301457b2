"""A dense net for images: how many hidden layers, how wide, which optimizer, for how many epochs."""

from typing import Literal

import keras

from hpcsweep.data import load
from hpcsweep.training import fit


def train(
    run,
    *,
    dataset: str = "digits",
    layers: int,
    neurons: int,
    optimizer: Literal["adam", "adagrad"] = "adam",
    learning_rate: float = 0.001,
    batch_size: int = 32,
    metric: Literal["accuracy", "sparse categorical"] = "accuracy",
    scaled: bool = True,
    epochs: int,
    validate: int = 0,
):
    """Train `layers` hidden layers of `neurons` ReLUs and a softmax; `scaled` puts pixels between 0 and 1."""
    data = load(dataset)
    if validate:  # on the last training examples; what the data set had to validate on is looked at once, at the end
        data = data.with_test(validate)
    model = keras.Sequential(
        [
            keras.Input(data.input_shape),
            keras.layers.Rescaling(1 / data.white if scaled else 1.0),
            keras.layers.Flatten(),
            *[keras.layers.Dense(neurons, activation="relu") for _ in range(layers)],
            keras.layers.Dense(len(data.classes), activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": learning_rate}})
    measure = keras.metrics.SparseCategoricalAccuracy("accuracy") if metric == "sparse categorical" else metric
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=[measure])
    return fit(run, model, data, epochs=epochs, batch_size=batch_size)
