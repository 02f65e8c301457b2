"""A linear classifier of scikit-learn, trained pass by pass."""

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier


def train(run, *, alpha: float, average: bool = False, epochs: int):
    """Classify handwritten digits with a linear support vector machine."""
    x, y = load_digits(return_X_y=True)
    model = SGDClassifier(alpha=alpha, average=average, random_state=run.seed)

    def save(folder):
        joblib.dump(model, folder / "model.joblib")

    def load(folder):
        nonlocal model
        model = joblib.load(folder / "model.joblib")

    for epoch in run.epochs(epochs, save, load):
        order = np.random.default_rng([run.seed, epoch]).permutation(1400)
        model.partial_fit(x[order], y[order], classes=range(10))
        run.log(epoch=epoch, accuracy=model.score(x[:1400], y[:1400]), val_accuracy=model.score(x[1400:], y[1400:]))
