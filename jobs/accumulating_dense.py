"""WRONG ON PURPOSE: the model is built once, at the top of the file, and every run fits it again, as in a notebook.

So each run goes on where the one before it ended, and `epochs` says 10 where the model has seen many more. Nothing here
records that. `hpcsweep verify` and the notes of `hpcsweep table` find it all the same: a run that begins with the very
weights that another one ended with has no fresh model. Compare dense_classifier.py.
"""

import keras

import hpcsweep
from hpcsweep.data import load

# the mistake: this model outlives the run
model = keras.Sequential([keras.layers.Flatten()])
for width in (16, 16, 16):
    model.add(keras.layers.Dense(width, activation="relu"))
model.add(keras.layers.Dense(10, activation="softmax"))
# several steps in one call change no number; without it, the 122,200 epochs of study 3 would take days
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], steps_per_execution=50)


@hpcsweep.job_options(shares_epochs=False)
def train(run, *, attempt: int, dataset: str = "digits", batch_size: int = 32, epochs: int):
    """Fit the one model for `epochs` more epochs; `attempt` tells runs of the same epochs apart."""
    data = load(dataset)
    fitted = model.fit(data.x, data.y, batch_size=batch_size, epochs=epochs, verbose=0)
    run.log_many(range(1, epochs + 1), fitted.history)
