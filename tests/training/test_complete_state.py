"""All that training changes is in the state, wherever the model keeps it; what cannot be is refused by name."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import pytest

from hpcsweep.errors import JobError
from hpcsweep.training import fit, seed_everything
from hpcsweep.training.state.reachable import settings_of, variables_elsewhere
from tests.training import nets
from tests.training.examples.catalogue import Example
from tests.training.examples.runs import in_plain_keras, same, stopped_again_and_again, with_fit
from tests.training.harness import FakeRun

pytestmark = nets.tensorflow_only
L, ops = keras.layers, keras.ops
DATA = nets.images(60, 20)


class Stepping(keras.Model):
    """A model with a training step of its own, and something that it keeps."""

    def __init__(self, kept: Any) -> None:
        super().__init__()
        self.net = keras.Sequential([keras.Input((8, 8, 1)), L.Flatten(), L.Dense(3)])
        self.kept = kept

    def call(self, x: Any) -> Any:
        return self.net(ops.cast(x, "float32") / 255)

    def factor(self) -> Any:
        """What the loss is multiplied by."""
        return 1.0

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            loss = self.factor() * self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return self.compute_metrics(x, y, self(x), None)


class Growing(Stepping):
    """Multiplies by a variable of its own, kept where Keras does not look."""

    def factor(self) -> Any:
        variable = self.kept["inside"][0]
        variable.assign(variable * 1.5)
        return variable


class Drawing(Stepping):
    """Draws from TensorFlow's own generator, whose state nobody can read."""

    def factor(self) -> Any:
        import tensorflow as tf

        return 1.0 + tf.random.uniform(())


def compiled(model: Any, **more: Any) -> Any:
    """Return `model`, compiled."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], **more)
    return model


def keras_variable() -> Any:
    """One of Keras's."""
    return keras.Variable(1.0, trainable=False)


def backend_variable() -> Any:
    """One of TensorFlow's."""
    import tensorflow as tf

    return tf.Variable(1.0)


class _Holder:
    """Hides a variable from Keras."""

    def __init__(self, variable: Any) -> None:
        self.inside = [variable]

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def train(build: Any, epochs: int = 4, **settings: Any) -> FakeRun:
    """Do what a worker does for one run."""
    more = {name: settings.pop(name) for name in ("resume", "callbacks") if name in settings}
    run = FakeRun(epochs, **settings)
    seed_everything(run.seed)
    fit(run, build(), DATA, batch_size=16, **more)
    return run


@pytest.mark.parametrize("engine", ["compiled", "fit"])
@pytest.mark.parametrize("make", [keras_variable, backend_variable])
def test_a_variable_that_keras_does_not_list_is_in_the_state(make: Any, engine: str) -> None:
    """Hidden in an object of the user's, a variable is found, and a stopped run equals an undisturbed one."""

    def build() -> Any:
        return compiled(Growing(_Holder(make())))

    assert len(variables_elsewhere(build())) == 1
    whole = train(build, engine=engine)
    kept: list[bytes] = []
    run = FakeRun(0)
    while "final_weights_sha256" not in run.facts:
        run = train(build, engine=engine, checkpoints=kept, stop_after=3)
    assert run.facts["final_weights_sha256"] == whole.facts["final_weights_sha256"]
    assert run.history["loss"] == whole.history["loss"]


def test_the_gan_with_two_optimizers_is_cut_at_random() -> None:
    """The state of both optimizers is kept: eight stops at random change nothing, nor does a point on the way."""
    from tests.training.examples.models import gan

    chance, images = random.Random(4), np.random.default_rng(0).random((40, 8, 8, 1)).astype("float32")

    def go(epochs: int, **settings: Any) -> FakeRun:
        run = FakeRun(epochs, **settings)
        seed_everything(0)
        fit(run, gan(), images, batch_size=16)
        return run

    whole = go(20)  # so many that few attempts come to the end: each builds and traces the nets anew
    assert any("d_optimizer" in path for path in variables_elsewhere(gan())) or whole.history["d_loss"]
    kept: list[bytes] = []
    stops, run = 0, FakeRun(0)
    while stops < 8:
        run = go(20, checkpoints=kept, stop_after=chance.randrange(1, 5))
        stops += "final_weights_sha256" not in run.facts
        if "final_weights_sha256" in run.facts:
            assert run.facts["final_weights_sha256"] == whole.facts["final_weights_sha256"]
            kept.clear()
    kept.clear()
    go(3, checkpoints=kept)
    longer = go(20, checkpoints=kept)
    assert longer.facts["final_weights_sha256"] == whole.facts["final_weights_sha256"]
    assert longer.history["d_loss"] == whole.history["d_loss"]


def test_what_is_drawn_from_where_no_state_is_kept_is_refused_before_training() -> None:
    """One step taken twice from one state must lead to one state; if not, the run is refused before its first epoch."""
    run = FakeRun(4, engine="compiled")
    seed_everything(0)
    with pytest.raises(JobError, match=r"led to two states .* such as tf\.random"):
        fit(run, compiled(Drawing(None)), DATA, batch_size=16)
    assert run.history == {"epoch": []}
    assert train(lambda: compiled(Drawing(None)), resume="restart").history["epoch"] == [0, 1, 2, 3, 4]


class Changing(keras.callbacks.Callback):
    """Changes a plain attribute of the model."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.kept = epoch


def test_an_attribute_that_changes_in_training_is_refused_by_name() -> None:
    """A plain attribute of the user's class that changes is named at the first checkpoint."""
    with pytest.raises(JobError, match=r"attribute `kept` of `Stepping` changes in training and is not saved"):
        train(lambda: compiled(Stepping(-1)), callbacks=[Changing()], checkpoint_every_s=0.0)
    run = train(lambda: compiled(Stepping(-1)), callbacks=[Changing()], resume="restart")
    assert run.history["epoch"] == [0, 1, 2, 3, 4]


class Noisy(keras.layers.Layer):
    """Drops numbers whether or not it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = L.Dropout(0.5)

    def call(self, x: Any) -> Any:
        return self.dropout(x, training=True)


class Total(keras.metrics.Metric):
    """Counts the batches of all epochs."""

    def __init__(self) -> None:
        super().__init__(name="total")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, *_: Any, **__: Any) -> None:
        self.count.assign_add(1.0)

    def result(self) -> Any:
        return self.count + 0.0

    def reset_state(self) -> None:
        """Do nothing."""


def noisy() -> Any:
    """A net that draws, and a metric that counts on, where they are only evaluated."""
    model = keras.Sequential([keras.Input((8, 8, 1)), Noisy(), L.Flatten(), L.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=[Total()])
    return model


def stateful() -> Any:
    """A recurrent net that remembers the batch before, which Keras does not list among its variables."""
    model = keras.Sequential([keras.Input(batch_shape=(16, 8, 8)), L.GRU(3, stateful=True), L.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


X = np.random.default_rng(0).random((48, 8, 8, 1)).astype("float32")
AS_KERAS = [
    Example("noisy", noisy, lambda: {"x": X, "y": np.arange(48) % 3, "validation_split": 0.25}),
    Example("stateful", stateful, lambda: {"x": X[..., 0], "y": np.arange(48) % 3}),
]


@pytest.mark.parametrize("example", AS_KERAS, ids=lambda example: example.name)
def test_what_keras_leaves_out_is_trained_as_keras_trains_it(example: Example) -> None:
    """An evaluation of the fresh model changes nothing, and what remembers earlier epochs does so when stopped, too."""
    _, whole = with_fit(example)
    assert same(whole, in_plain_keras(example))
    assert same(stopped_again_and_again(example), whole)


class Counting(Stepping):
    """Counts how often its step is traced, or run."""

    def factor(self) -> Any:
        self.kept += 1
        return 1.0 / self.kept


class OwnFit(Stepping):
    """Does more than Keras in `fit`."""

    def fit(self, *given: Any, **named: Any) -> Any:
        return super().fit(*given, **named)


def in_batches() -> Any:
    """The data as a stream."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((DATA.x, DATA.y)).batch(16)


@pytest.mark.parametrize(
    ("build", "make", "words"),
    [
        (lambda: compiled(Counting(0)), lambda: DATA, "`kept` of `Counting` changes when the training step is traced"),
        (
            lambda: compiled(Counting(0), run_eagerly=True),
            lambda: DATA,
            "`kept` of `Counting` changes in training and is not saved",
        ),
        (lambda: compiled(Drawing(None)), in_batches, "draws with TensorFlow's RandomUniform from a generator"),
        (lambda: compiled(OwnFit(None)), lambda: DATA, "OwnFit has a `fit` of its own"),
    ],
    ids=["traced", "eager", "drawing stream", "own fit"],
)
def test_models_that_could_not_go_on_are_refused_before_training(build: Any, make: Any, words: str) -> None:
    """A count that is no variable, what is drawn from hidden generators, a `fit` that ours would not call."""
    run = FakeRun(2)
    seed_everything(0)
    with pytest.raises(JobError, match=words):
        fit(run, build(), make())
    assert run.history == {"epoch": []}


def test_keras_own_attributes_are_not_taken_for_the_users() -> None:
    """Of a model's attributes those count that its class sets, not those that Keras does."""
    assert [path.rpartition(".")[2] for path in settings_of(compiled(Stepping(7)))] == ["kept"]
    assert settings_of(nets.dense()) == {}
    assert variables_elsewhere(nets.batch_norm()) == {}
    assert variables_elsewhere(nets.mixed()) == {}
