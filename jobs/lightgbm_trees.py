"""Boosted trees of LightGBM, where an epoch is a round of boosting."""

import lightgbm
import numpy as np
from sklearn.datasets import load_digits


def train(run, *, num_leaves: int, learning_rate: float = 0.1, bagging_fraction: float = 0.8, epochs: int):
    """Classify handwritten digits."""
    x, y = load_digits(return_X_y=True)
    settings = {
        "objective": "multiclass", "num_class": 10, "num_leaves": num_leaves, "learning_rate": learning_rate,
        "bagging_fraction": bagging_fraction, "bagging_freq": 1, "seed": run.seed, "deterministic": True,
        "force_row_wise": True, "num_threads": 1, "verbose": -1,
    }  # fmt: skip

    def log(env):
        right = np.argmax(env.model.predict(x[1400:]), axis=1) == y[1400:]
        run.log(epoch=env.iteration + 1, val_accuracy=right.mean())

    lightgbm.train(settings, lightgbm.Dataset(x[:1400], y[:1400]), num_boost_round=epochs, callbacks=[log])
