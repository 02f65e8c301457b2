"""Boosted trees of XGBoost, where an epoch is a round of boosting."""

import numpy as np
import xgboost
from sklearn.datasets import load_digits


def train(run, *, max_depth: int, learning_rate: float = 0.3, subsample: float = 0.8, epochs: int):
    """Classify handwritten digits."""
    x, y = load_digits(return_X_y=True)
    data, val_data = xgboost.DMatrix(x[:1400], y[:1400]), xgboost.DMatrix(x[1400:], y[1400:])
    settings = {
        "objective": "multi:softprob", "num_class": 10, "max_depth": max_depth, "learning_rate": learning_rate,
        "subsample": subsample, "seed": run.seed, "seed_per_iteration": True, "nthread": 1,
    }  # fmt: skip
    model = None

    def save(folder):
        model.save_model(folder / "model.ubj")

    def load(folder):
        nonlocal model
        model = xgboost.Booster(settings, model_file=folder / "model.ubj")

    for epoch in run.epochs(epochs, save, load):
        model = xgboost.train(settings, data, num_boost_round=1, xgb_model=model)
        right = np.argmax(model.predict(val_data), axis=1) == y[1400:]
        run.log(epoch=epoch, val_accuracy=right.mean())
