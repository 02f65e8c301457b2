"""The arguments of `fit` are those of `keras.Model.fit`, and mean the same."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsweep.errors import JobError, UsageError
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.examples import count, make_examples
from tests.training import nets
from tests.training.harness import FakeRun

X, Y = np.random.default_rng(0).random((40, 8, 8, 1)), np.arange(40) % 3
OURS = {"run", "model", "data", "test_data", "engine", "phase", "resume"}


def test_the_signature_is_that_of_keras() -> None:
    """After run and model, `fit` takes what `keras.Model.fit` takes, by the same names."""
    names = set(inspect.signature(fit).parameters)
    assert names - OURS == set(inspect.signature(keras.Model.fit).parameters) - {"self"}


@given(st.integers(1, 4), st.booleans(), st.data())
def test_weights_of_classes_are_those_of_keras(classes: int, one_hot: bool, data: st.DataObject) -> None:
    """`class_weight` becomes the weight of each example that Keras makes of it, for labels of any shape."""
    from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=20)))
    weights = data.draw(st.dictionaries(st.integers(0, classes), st.floats(0, 10, width=32), max_size=3))
    y = keras.utils.to_categorical(labels, classes) if one_hot and classes > 1 else labels[:, None]
    for truth in (y, labels):
        found = make_examples(np.zeros((len(labels), 1)), truth, class_weight=weights).sample_weight
        assert (found == class_weight_to_sample_weights(truth, weights)).all()


@given(st.integers(2, 50), st.floats(0.01, 0.99))
def test_the_split_is_that_of_keras(examples: int, share: float) -> None:
    """`validation_split` cuts where Keras cuts, in all arrays of a tree; a part without examples is refused."""
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split

    x, y = {"a": np.arange(examples), "b": np.arange(examples)}, np.arange(examples)
    try:
        (train, _, _), _ = train_validation_split((x, y, None), share)
    except ValueError:
        with pytest.raises(UsageError, match="leaves a part empty"):
            make_examples(x, y, validation_split=share)
        return
    split = make_examples(x, y, validation_split=share)
    assert count(split.x) == len(train["a"][:])
    assert (np.concatenate([split.x["b"], split.x_val["b"]]) == np.arange(examples)).all()


def test_arrays_are_the_data_they_make() -> None:
    """Arrays by Keras's names train as the `Data` that holds them."""
    data = nets.images(60, 20)
    runs = []
    for arguments in (
        {"x": data},
        {"data": data},
        {"x": data.x, "y": data.y, "validation_data": (data.x_val, data.y_val)},
        {"x": data.x, "y": data.y, "validation_data": [data.x_val, data.y_val], "verbose": 2, "callbacks": []},
    ):
        run = FakeRun(2)
        seed_everything(0)
        fit(run, nets.dense(), **arguments)
        runs.append(({k: v for k, v in run.history.items() if k != "seconds"}, run.facts["final_weights_sha256"]))
    assert all(run == runs[0] for run in runs)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"x": nets.images(), "y": Y}, "x is a Data, and y is given"),
        ({"x": nets.images(), "steps_per_epoch": 3}, "x is a Data, and steps is given"),
        ({"x": X, "y": Y[:-1]}, "x has 40, y has 39 examples; expected as many in each"),
        ({"x": X, "y": Y, "validation_data": (X, Y[:5])}, "x has 40, y has 5 examples of validation_data"),
        ({"x": X, "y": Y, "validation_split": 2.0}, "validation_split is 2.0; expected a share"),
        ({"x": X, "y": Y, "validation_split": 0.999}, "leaves a part empty"),
        ({"x": X, "y": Y, "class_weight": {0: 2.0}, "sample_weight": Y}, "expected one of the two, as in Keras"),
        ({"x": X, "y": {"a": Y}, "class_weight": {0: 2.0}}, "y is not one array"),
        ({"x": np.array([object()] * 3), "y": Y[:3]}, "x holds objects"),
        ({"x": X[:0], "y": Y[:0]}, "x has no examples"),
        ({"x": X, "y": Y, "shuffle": "batch"}, "shuffle is 'batch'; expected True or False"),
        ({"x": iter(X), "y": Y}, "x is a .*iterator; expected arrays"),
        ({"x": X, "y": Y, "initial_epoch": 3}, "a run goes on by itself"),
        ({"x": X, "y": Y, "resume": "never"}, 'expected "exact", "restart" or "statistical"'),
        ({"x": X, "y": Y, "batch_size": True}, "batch_size is True"),
    ],
)
def test_arguments_that_make_no_sense_are_named(given: dict[str, Any], words: str) -> None:
    """What does not fit together is refused in one line before anything is trained."""
    run = FakeRun(1)
    seed_everything(0)
    with pytest.raises(UsageError, match=words) as refused:
        fit(run, nets.dense(), **given)
    assert "\n" not in str(refused.value)
    assert run.history == {"epoch": []}


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_mixed_precision_of_the_sweep_resumes_to_the_bit(engine: str) -> None:
    """A run in bfloat16 that is stopped again and again ends with the bits of the undisturbed one."""
    runs = []
    for stops in ([None], [3] * 30):
        kept: list[bytes] = []
        for stop_after in stops:
            run = FakeRun(3, engine=engine, precision="mixed_bfloat16", checkpoints=kept, stop_after=stop_after)
            try:
                seed_everything(0, "mixed_bfloat16")
                model = nets.dropout()
            finally:
                keras.config.set_dtype_policy("float32")
            fit(run, model, X, Y)
            if "final_weights_sha256" in run.facts:
                break
        runs.append((run.history["loss"], run.facts["final_weights_sha256"]))
    assert runs[0] == runs[1]
    assert model.layers[1].compute_dtype == "bfloat16"


@nets.tensorflow_only
def test_one_training_on_several_devices_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy, Keras's own distribution and processes of torchrun would make one training of several."""
    import tensorflow as tf

    def refused(words: str, model: Any) -> None:
        seed_everything(0)
        with pytest.raises(UsageError, match=words):
            fit(FakeRun(1), model or nets.dense(), X, Y)

    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        model = nets.dense()
        refused("the model is distributed", model)
    refused("the model is distributed", model)
    monkeypatch.setattr(keras.distribution, "distribution", object)
    refused("the model is distributed", None)
    monkeypatch.undo()
    monkeypatch.setenv("WORLD_SIZE", "2")
    refused("one of 2 processes", None)


def test_a_job_that_overrules_the_precision_of_the_sweep_is_refused() -> None:
    """The precision is a part of the run's meaning, so a model in another one is refused."""
    run = FakeRun(1, precision="mixed_bfloat16")
    seed_everything(0)
    with pytest.raises(JobError, match="computes in mixed_bfloat16, and the model in float32"):
        fit(run, nets.dense(), X, Y)
