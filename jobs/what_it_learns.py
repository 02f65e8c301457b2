"""A look inside a net: second guesses, hidden units, what excites them, and how often they are on."""

import keras
import numpy as np

import hpcsweep
from hpcsweep.data import load
from hpcsweep.training import fit

KEPT_IMAGES = 5  # of those that excite a hidden unit most


@hpcsweep.job_options(
    shares_epochs=False
)  # if the rate is lowered at the end, a run's end depends on its number of epochs
def train(
    run,
    *,
    dataset: str = "digits",
    hidden: int = 100,
    dropout: float = 0.0,
    learning_rate: float = 0.5,
    last_rate: float = 1.0,
    batch_size: int = 100,
    examples_per_class: int = 0,
    epochs: int,
):
    """Train by mini-batch gradient descent; the rate times `last_rate` for the last fifth of the epochs.

    `examples_per_class` above 0 trains on only that many: a net that cannot learn these by heart has a fault.
    """
    data = load(dataset)
    if examples_per_class:
        data = data.first_of_each_class(examples_per_class)
    model = keras.Sequential(
        [
            keras.Input(data.input_shape),
            keras.layers.Rescaling(1 / data.white),
            keras.layers.Flatten(),
            keras.layers.Dense(hidden, activation="relu", name="hidden"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(len(data.classes), activation="softmax"),
        ]
    )
    steps = -(-len(data.x) // batch_size) * epochs
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [round(0.8 * steps)], [learning_rate, learning_rate * last_rate]
    )
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    metrics = fit(run, model, data, epochs=epochs, batch_size=batch_size)
    return {**metrics, **look_inside(run, model, data)}


def look_inside(run, model, data):
    """Keep what the hidden units do; return the shares of right second and third guesses, and of busy units."""
    inside = keras.Model(model.inputs, [model.get_layer("hidden").output, model.outputs[0]])
    excitement, _ = inside.predict(data.x, batch_size=1000, verbose=0)
    active, guesses = inside.predict(data.x_val, batch_size=1000, verbose=0)
    share_on = (active > 0).mean(axis=0)
    run.attach(
        share_on=share_on,
        unit_weights=model.get_layer("hidden").get_weights()[0].T.reshape(-1, *data.input_shape[:2]),
        exciting_images=np.argsort(-excitement, axis=0, kind="stable")[:KEPT_IMAGES].T,
    )
    ranked = np.argsort(-guesses, axis=1, kind="stable") == data.y_val[:, None]
    return {
        "top2_accuracy": ranked[:, :2].any(axis=1).mean(),
        "top3_accuracy": ranked[:, :3].any(axis=1).mean(),
        "busy_units": (share_on > 0.8).mean(),
        "dead_units": (share_on == 0).mean(),
    }
