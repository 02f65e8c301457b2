"""WRONG ON PURPOSE: the model is built once and fitted again for every run, so each run continues from the one before.

`epochs` says 10 where the model has seen many more. The recipe of study 3 shows what this does to a table, and
`hpcsweep verify` finds it: the runs' initial weights are not those of a fresh model. Compare dense_classifier.py.
"""

import keras

import hpcsweep
from hpcsweep.data import load
from hpcsweep.training.state.variables import weights_sha256

MODEL = keras.Sequential()  # the mistake: it outlives the run


@hpcsweep.job_options(shares_epochs=False)
def train(run, *, attempt: int, dataset: str = "digits", layers: int = 2, neurons: int = 8, epochs: int):
    """Fit the one model for `epochs` more epochs; `attempt` tells runs of the same epochs apart."""
    data = load(dataset)
    if not MODEL.built:
        build(data, layers, neurons)
    run.record(initial_weights_sha256=weights_sha256(MODEL))
    fitted = MODEL.fit(data.x, data.y, epochs=epochs, validation_data=(data.x_val, data.y_val), verbose=0)
    run.record(final_weights_sha256=weights_sha256(MODEL))
    run.log_many(range(1, epochs + 1), fitted.history)


def build(data, layers, neurons):
    """Give the model its layers, the first time."""
    MODEL.add(keras.Input(data.input_shape))
    MODEL.add(keras.layers.Rescaling(1 / data.white))
    MODEL.add(keras.layers.Flatten())
    for _ in range(layers):
        MODEL.add(keras.layers.Dense(neurons, activation="relu"))
    MODEL.add(keras.layers.Dense(len(data.classes), activation="softmax"))
    MODEL.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
