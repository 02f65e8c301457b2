"""One classifier of scikit-learn on Fashion-MNIST, as the data's own benchmark trains it: see its baselines.json."""

import time

import numpy as np
from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, preprocessing, svm, tree

from hpcsweep.data import load

MODULES = (ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree)


def train(run, *, classifier: str, options: dict = {}, dataset: str = "fashion-mnist"):  # noqa: B006
    """Fit `classifier` with `options` to pixels of mean 0 and deviation 1, in an order that belongs to the seed."""
    data = load(dataset).flat()
    scaler = preprocessing.StandardScaler().fit(data.x.astype(float))
    order = np.random.default_rng(run.seed).permutation(len(data.x))
    kind = next(getattr(module, classifier) for module in MODULES if hasattr(module, classifier))
    model = kind(**options)
    if "random_state" in model.get_params():
        model.set_params(random_state=run.seed)
    begin = time.perf_counter()
    model.fit(scaler.transform(data.x[order]), data.y[order])
    fit_s = time.perf_counter() - begin
    return {"test_accuracy": model.score(scaler.transform(data.x_val), data.y_val), "fit_s": fit_s}
