"""What Keras and TensorFlow keep private still does what we use it for."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.training import keras_private, seed_everything
from hpcsweep.training.state.reachable import settings_of
from tests.training import nets


def test_a_keras_that_is_laid_out_otherwise_is_refused_in_one_line() -> None:
    """Where a module that we need is gone, nothing is trained: the release is named, and what to install."""
    code = (
        "import sys, keras; sys.modules['keras.src.models.functional'] = None; keras.__version__ = '4.0'\n"
        "from hpcsweep.errors import MissingPackageError\n"
        "try: import hpcsweep.training\n"
        "except MissingPackageError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("Keras 4.0 is not laid out as hpcsweep knows it (")
    assert "keras.src.models.functional" in said
    assert len(said.splitlines()) == 1


class OwnLayer(keras.layers.Layer):
    """A layer of a user's class that keeps nothing of its own."""

    def call(self, x: Any) -> Any:
        return x


def test_attributes_that_keras_keeps_in_other_peoples_objects_are_known() -> None:
    """What Keras puts into callbacks, data sets and layers of the user's is told from what the user keeps there."""
    told = f"Keras {keras.__version__} keeps other attributes"
    callback = keras.callbacks.TensorBoard()
    callback.set_params({})
    newer = {"_batch_trace_context"}  # since Keras 3.9
    assert {"_model", *keras_private.OF_TENSORBOARD - newer} <= {*vars(callback), *vars(type(callback))}, told
    assert set(vars(keras.utils.PyDataset())) == keras_private.OF_DATASETS, told
    layer = OwnLayer()
    layer(np.ones((1, 2), "float32"))
    model = keras.Sequential([layer])
    assert [path for path in settings_of(model) if path.startswith(layer.name)] == [], told


# -- what each function does ----------------------------------------------------------------------------------------


def functions_of(module: ModuleType) -> list[str]:
    """Return the functions that a module defines for others."""
    found = inspect.getmembers(module, lambda member: getattr(member, "__module__", None) == module.__name__)
    return [name for name, _ in found if not name.startswith("_")]


def checked(name: str, release: str) -> None:
    """Run the check of `name`; where it fails, say with which release."""
    seed_everything(0)
    try:
        getattr(Checks(), name)()
    except Exception as error:
        pytest.fail(f"{release} breaks {name}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("name", functions_of(keras_private))
def test_what_keras_keeps_private_is_still_there(name: str) -> None:
    """Each function of keras_private.py does what it says; a failure names the release of Keras that breaks it."""
    checked(name, f"Keras {keras.__version__}")


OF_TENSORFLOW = ["barrier", "multiplying_with", "operations_of_functions", "random_state", "seed_eagerly"]


@nets.tensorflow_only
@pytest.mark.parametrize("name", OF_TENSORFLOW)
def test_what_tensorflow_keeps_private_is_still_there(name: str) -> None:
    """Each function of on_tensorflow/private.py does what it says; a failure names the release that breaks it."""
    import tensorflow as tf

    from hpcsweep.training.on_tensorflow import private

    assert functions_of(private) == OF_TENSORFLOW
    checked(name, f"TensorFlow {tf.__version__} with Keras {keras.__version__}")


def built_adam() -> tuple[Any, list[Any]]:
    """An optimizer of two weights, and the weights."""
    weights = [keras.Variable(np.ones(3, "float32")), keras.Variable(np.ones((2, 2), "float32"))]
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build(weights)
    return optimizer, weights


class Checks:
    """What each function does, under its name."""

    def expect_no_tensorflow(self) -> None:
        code = (
            "import keras; from hpcsweep.training import keras_private as p; p.expect_no_tensorflow(); "
            "keras.utils.set_random_seed(0); import sys; assert 'tensorflow' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "KERAS_BACKEND": "jax"})

    def restart_names(self) -> None:
        keras.metrics.AUC()
        keras_private.restart_names()
        assert keras.metrics.AUC().name == "auc"

    def restart_seeds(self) -> None:
        drawn = []
        for _ in range(2):
            seed_everything(3)
            keras_private.restart_seeds(3)
            drawn.append(keras.ops.convert_to_numpy(keras.random.uniform((3,))).tolist())
        assert drawn[0] == drawn[1]

    def shared_seeds(self) -> None:
        assert keras_private.shared_seeds() is None
        keras.random.uniform((3,))
        shared = keras_private.shared_seeds()
        assert shared is not None
        assert shared.state.shape == (2,)

    def make_shared_seeds(self) -> None:
        assert keras_private.make_shared_seeds() is keras_private.shared_seeds()

    def dtype_policy_of_this_thread(self) -> None:
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            assert keras_private.dtype_policy_of_this_thread() is keras.config.dtype_policy()
        finally:
            keras.config.set_dtype_policy("float32")

    def is_functional(self) -> None:
        assert keras_private.is_functional(nets.functional())
        assert not any(map(keras_private.is_functional, (nets.dense(), nets.subclass())))

    def layers_of(self) -> None:
        inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(name="deep")])
        model = nets.classifier(inner)
        assert keras_private.layers_of(model)[0] is model
        assert "deep" in [layer.name for layer in keras_private.layers_of(model)]

    def build_symbolically(self) -> None:
        model, data = nets.subclass(), nets.images()
        assert not model.built
        keras_private.build_symbolically(model, (data.x[:2], data.y[:2], None))
        assert [tuple(weight.shape) for weight in model.weights] == [(64, 8), (8,), (8, 3), (3,)]
        assert set(model.get_metrics_result()) == {"loss", "accuracy"}

    def draws_its_seed(self) -> None:
        drawn, given = keras.initializers.GlorotUniform(), keras.initializers.GlorotUniform(seed=1)
        assert keras_private.draws_its_seed(drawn)
        assert not any(map(keras_private.draws_its_seed, (given, keras.initializers.Zeros(), 3)))

    def compiled_metrics(self) -> None:
        model, data = nets.regression(), nets.curve()
        keras_private.build_symbolically(model, (data.x[:2], data.y[:2], None))
        assert [metric.name for metric in keras_private.compiled_metrics(model)] == ["mae"]
        plain = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        plain.compile("sgd", "mse")
        assert keras_private.compiled_metrics(plain) == []

    def function_of_loss(self) -> None:
        found = keras_private.function_of_loss(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        assert found is not None
        function, options = found
        assert (function.__name__, options["from_logits"]) == ("sparse_categorical_crossentropy", True)
        assert keras_private.function_of_loss(keras.losses.Loss()) is None

    def function_of_metric(self) -> None:
        found = keras_private.function_of_metric(keras.metrics.BinaryAccuracy(threshold=0.25))
        assert found is not None
        function, options = found
        assert (function.__name__, options["threshold"]) == ("binary_accuracy", 0.25)
        assert keras_private.function_of_metric(keras.metrics.AUC()) is None

    def learning_rate_of(self) -> None:
        optimizer = keras.optimizers.SGD(0.5)
        assert keras_private.learning_rate_of(optimizer) in optimizer.variables
        wrapped = keras.optimizers.LossScaleOptimizer(optimizer)
        assert keras_private.learning_rate_of(wrapped) is keras_private.learning_rate_of(optimizer)
        schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)
        assert keras_private.learning_rate_of(keras.optimizers.SGD(schedule)) is schedule

    def set_learning_rate_variable(self) -> None:
        optimizer = keras.optimizers.SGD(0.5)
        keras_private.set_learning_rate_variable(optimizer, keras.Variable(0.25))
        weight = keras.Variable([1.0])
        optimizer.apply([keras.ops.ones(1)], [weight])
        assert weight.numpy().tolist() == [0.75]

    def excludes_from_weight_decay(self) -> None:
        optimizer = keras.optimizers.AdamW()
        assert not keras_private.excludes_from_weight_decay(optimizer)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        assert keras_private.excludes_from_weight_decay(optimizer)

    def slots_of(self) -> None:
        slots = keras_private.slots_of(built_adam()[0])
        assert len(slots) == 2  # the means of the gradients and of their squares
        assert all([tuple(slot.shape) for slot in kept] == [(3,), (2, 2)] for kept in slots.values())

    def place_among_weights(self) -> None:
        optimizer, weights = built_adam()
        assert [keras_private.place_among_weights(optimizer, weight) for weight in weights] == [0, 1]

    def of_one_weight(self) -> None:
        optimizer, (_, weight) = built_adam()
        slots = {name: kept[1] for name, kept in keras_private.slots_of(optimizer).items()}
        keras_private.of_one_weight(optimizer, slots).update_step(keras.ops.ones((2, 2)), weight, 0.1)
        assert weight.numpy() == pytest.approx(np.full((2, 2), 0.9), abs=1e-6)
        assert all((slot.numpy() > 0).all() for slot in slots.values())

    def multiplying_with(self) -> None:
        from hpcsweep.training.on_tensorflow import private

        seen, layer, x = [], keras.layers.Dense(2), np.ones((1, 3), "float32")

        def matmul(x1: Any, x2: Any) -> Any:
            seen.append(tuple(x2.shape))
            return private.keras_matmul(x1, x2)

        with private.multiplying_with(matmul):
            layer(x)
        layer(x)
        assert seen == [(3, 2)]

    def barrier(self) -> None:
        import tensorflow as tf

        from hpcsweep.training.on_tensorflow import private

        compiled = tf.function(lambda x: private.barrier(x * 2.0, x), jit_compile=True, autograph=False)
        x = tf.ones(3)
        assert compiled(x).numpy().tolist() == [2.0] * 3
        assert "opt-barrier" in compiled.experimental_get_compiler_ir(x)(stage="hlo")

    def seed_eagerly(self) -> None:
        import tensorflow as tf

        from hpcsweep.training.on_tensorflow import private

        drawn = []
        for _ in range(2):
            private.seed_eagerly(5)
            drawn.append(private.random_state())
            tf.random.uniform((2,))
        assert drawn[0] == drawn[1] != private.random_state()

    random_state = seed_eagerly

    def operations_of_functions(self) -> None:
        import tensorflow as tf

        from hpcsweep.training.on_tensorflow import private

        seen: set[str] = set()
        private.operations_of_functions(seen)
        kept = tf.function(lambda: tf.random.uniform((2,)))
        kept()
        assert "RandomUniform" in private.operations_of_functions(seen)
        assert private.operations_of_functions(seen) == set()
