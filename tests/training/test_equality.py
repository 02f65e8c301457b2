from __future__ import annotations

import keras
import numpy as np
import pytest

from hpcsweep.data import Data
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.state.order import epoch_order
from hpcsweep.training.state.variables import weights_sha256
from tests.training import nets
from tests.training.harness import FakeRun

CASES = [
    (nets.dense, nets.images(), 32),
    (nets.dense, nets.weighted(nets.images()), 50),
    (nets.dense, nets.images(), 203),
    (nets.dense, nets.images(), 1000),
    (nets.conv, nets.images(96, 32), 32),
    (nets.strided, nets.images(), 50),
    (nets.dropout, nets.images(), 32),
    (nets.batch_norm, nets.images(), 32),
    (nets.normalised, nets.images(), 50),
    (nets.regularised, nets.images(), 10),
    (nets.scheduled, nets.images(), 32),
    (nets.averaged, nets.images(), 32),
    (nets.functional, nets.images(), 32),
    (nets.subclass, nets.images(), 32),
    (nets.regression, nets.curve(), 25),
]
NAMES = [f"{build.__name__}-{size}" for build, _, size in CASES]
EPOCHS = 3
ENGINES = ("fit", "compiled", "compiled-xla")[: 3 if nets.BACKEND == "tensorflow" else 2]


def keras_alone(build: nets.Build, data: Data, batch_size: int, *, jit: bool) -> tuple[dict, str]:
    """Train with nothing but Keras: one call of `model.fit` an epoch, on the examples put in order by hand."""
    seed_everything(5)
    model = build()
    model._jit_compile = jit  # the public way refuses when deterministic operations are on
    finalize, model.optimizer.finalize_variable_values = model.optimizer.finalize_variable_values, lambda _: None
    history: dict[str, list[float]] = {}
    validation = [data.x_val, data.y_val, *([] if data.val_sample_weight is None else [data.val_sample_weight])]
    for epoch in range(1, EPOCHS + 1):
        order = epoch_order(5, epoch, len(data.x))
        weight = None if data.sample_weight is None else data.sample_weight[order]
        x, y = np.array(data.x[order]), np.array(data.y[order])
        epoch_history = model.fit(
            x, y, batch_size, sample_weight=weight, shuffle=False, verbose=0, validation_data=tuple(validation)
        ).history
        for name, (value,) in epoch_history.items():
            history.setdefault(name, []).append(value)
    finalize(model.trainable_variables)
    return history, weights_sha256(model)


def through_fit(build: nets.Build, data: Data, batch_size: int, engine: str) -> tuple[dict, str]:
    """Train with our engine, and return the same."""
    run = FakeRun(EPOCHS, seed=5, engine=engine)
    seed_everything(5)
    fit(run, build(), data, batch_size=batch_size)
    history = {name: column[1:] for name, column in run.history.items() if name not in ("epoch", "seconds")}
    assert run.facts["engine"] == engine
    return history, run.facts["final_weights_sha256"]


@pytest.mark.parametrize(("build", "data", "batch_size"), CASES, ids=NAMES)
def test_engines_have_the_bits_of_model_fit(build, data, batch_size):
    """`fit` and `compiled` give the history and weights of plain Keras fed the same order, bit for bit."""
    expected = keras_alone(build, data, batch_size, jit=nets.BACKEND == "jax")
    assert through_fit(build, data, batch_size, "compiled") == expected
    assert through_fit(build, data, batch_size, "fit") == expected


FOR_XLA = {name: case for name, case in zip(NAMES, CASES, strict=True) if case[0] is not nets.conv}


@nets.tensorflow_only
@pytest.mark.parametrize(("build", "data", "batch_size"), FOR_XLA.values(), ids=list(FOR_XLA))
def test_xla_has_the_bits_of_model_fit_with_xla(build, data, batch_size):
    """`compiled-xla` gives the history and weights of Keras with jit_compile on the same order, bit for bit."""
    expected = keras_alone(build, data, batch_size, jit=True)
    assert through_fit(build, data, batch_size, "compiled-xla") == expected


def test_epoch_0_is_the_fresh_model():
    """Epoch 0 of the history is what `model.evaluate` says of the fresh model, in every engine."""
    data, found = nets.images(700, 45), {}
    for engine in ENGINES:
        run = FakeRun(0, engine=engine)
        seed_everything(0)
        fit(run, nets.batch_norm(), data)
        found[engine] = {name: column for name, column in run.history.items() if name != "seconds"}
    seed_everything(0)
    model = nets.batch_norm()
    expected = model.evaluate(data.x, data.y, batch_size=512, verbose=0, return_dict=True)
    assert {name: column[0] for name, column in found["fit"].items() if name in expected} == expected
    assert all(column == found["fit"] for column in found.values())


def test_confusion_matrix_is_that_of_the_final_model():
    """The confusion matrix counts the final model's predictions on the validation data, rows the true classes."""
    data = nets.images()
    run = FakeRun(2)
    seed_everything(0)
    model = nets.dense()
    final = fit(run, model, data)
    predicted = model.predict(data.x_val, verbose=0).argmax(axis=1)
    expected = np.zeros((3, 3), dtype=np.int64)
    np.add.at(expected, (data.y_val, predicted), 1)
    assert (run.arrays["confusion_matrix"] == expected).all()
    assert np.trace(expected) / len(data.x_val) == pytest.approx(final["val_accuracy"], abs=1e-6)
    assert run.arrays["per_class_accuracy"] == pytest.approx(np.diag(expected) / expected.sum(axis=1))


def test_two_class_sigmoid_is_a_classifier():
    """A net of one sigmoid output over two classes gets its confusion matrix too."""
    three = nets.images()
    data = Data(three.x, three.y // 2, three.x_val, three.y_val // 2, classes=("no", "yes"), white=255.0)
    seed_everything(0)
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    run = FakeRun(1)
    fit(run, model, data)
    assert run.arrays["confusion_matrix"].sum() == len(data.x_val)
