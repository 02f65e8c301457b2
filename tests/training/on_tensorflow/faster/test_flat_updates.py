"""Steps of optimizers over flat arrays, with XLA: fast for kernels of 9 to 31 neurons, and with the same bits."""

from __future__ import annotations

import keras
import pytest

from hpcsweep.training import seed_everything
from hpcsweep.training.programs import cache as programs
from tests.training import nets
from tests.training.test_equality import keras_alone, through_fit

pytestmark = nets.tensorflow_only
pytest.importorskip("tensorflow", reason="optimizers of Keras on TensorFlow")
L, optimizers = keras.layers, keras.optimizers
# whole batches to train on: XLA compiles a step per size of batch, which takes most of the time here
DATA = nets.images(192, 45)

OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.01),
    "amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)),
    "averaged": lambda: optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=3),
    "adamw": lambda: optimizers.AdamW(0.01),
    "nadam": lambda: optimizers.Nadam(0.01),
    "adamax": lambda: optimizers.Adamax(0.01),
    "adagrad": lambda: optimizers.Adagrad(0.05),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "sgd": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "lion": lambda: optimizers.Lion(0.001),
    "ftrl": lambda: optimizers.Ftrl(0.05),
}


class OwnAdam(keras.optimizers.Adam):
    """An optimizer that is not Keras's own, whatever it computes."""


LEFT_TO_KERAS = {
    "clipped": lambda: optimizers.Adam(0.01, clipnorm=0.1),
    "accumulating": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "the user's own": lambda: OwnAdam(0.01),
    "plain sgd, which remembers nothing": lambda: optimizers.SGD(0.05),
    "adafactor, which looks at rows": lambda: optimizers.Adafactor(0.01),
}


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch):
    """The module of flat updates, for which kernels of 64 numbers are large; it notes the shapes that it updates."""
    from hpcsweep.training.on_tensorflow.faster import flat_updates

    update = flat_updates.update_flat

    def counted(optimizer, *args):
        if optimizer.name != "tried":
            vars(flat_updates)["shapes"].add(tuple(args[1].shape))
        update(optimizer, *args)

    monkeypatch.setattr(flat_updates, "shapes", set(), raising=False)
    monkeypatch.setattr(flat_updates, "update_flat", counted)
    monkeypatch.setattr(flat_updates, "LEAST_NUMBERS", 64)
    monkeypatch.setattr(programs, "shared_programs", programs.Programs())  # none that was traced without
    flat_updates.has_the_same_bits.cache_clear()
    return flat_updates


def wide(make_optimizer, *layers, neurons: int = 16):
    """Return what builds a net of two hidden layers, with `layers` between them."""

    def build() -> keras.Model:
        inner = (L.deserialize(L.serialize(layer)) for layer in layers)
        hidden = (L.Flatten(), L.Dense(neurons, "relu"), *inner, L.Dense(12, "tanh"))
        return nets.classifier(*hidden, optimizer=make_optimizer())

    return build


def computed(updates, build, engine: str = "compiled-xla") -> list[tuple[int, int]]:
    """Return the shapes of the kernels that a program for `build` updates as flat arrays."""
    seed_everything(0)
    updates.shapes.clear()
    programs.Setup(build(), nets.images(), 32, (), None).program(engine)
    return sorted(updates.shapes)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_flat_updates_have_the_bits_of_model_fit_with_xla(name, updates):
    """Weights and history of a net of 16 and 12 neurons are those of `model.fit` with XLA, whatever the optimizer."""
    build = wide(OPTIMIZERS[name])
    assert through_fit(build, DATA, 32, "compiled-xla") == keras_alone(build, DATA, 32, jit=True)
    assert updates.shapes >= {(16, 12)}  # the bits of the larger kernel differ for Nadam with some releases of XLA


@pytest.mark.parametrize("layer", [L.Dropout(0.3, seed=1), L.BatchNormalization(), L.LayerNormalization()])
def test_other_layers_between_change_no_bit(layer, updates):
    """The same with layers that are no products."""
    build = wide(OPTIMIZERS["adam"], layer, neurons=9)
    assert through_fit(build, nets.images(), 50, "compiled-xla") == keras_alone(build, nets.images(), 50, jit=True)
    assert updates.shapes == {(9, 12), (64, 9)}


def test_flat_updates_take_the_gradients_of_narrow_products(updates, monkeypatch):
    """The gradient that was computed swapped goes into the flat update, and the bits are still those of Keras."""
    from hpcsweep.training.on_tensorflow.faster import narrow_products

    monkeypatch.setattr(narrow_products, "LEAST_INPUTS", 64)
    build = wide(OPTIMIZERS["adam"], neurons=31)
    assert through_fit(build, DATA, 32, "compiled-xla") == keras_alone(build, DATA, 32, jit=True)
    assert updates.shapes == {(31, 12), (64, 31)}


def test_gradients_that_are_not_a_mere_product_are_left_to_keras(updates):
    """XLA may compute the part of a penalty within the update."""
    penalised = L.Dense(20, kernel_regularizer="l2", name="penalised")
    assert computed(updates, wide(OPTIMIZERS["adam"], penalised)) == [(20, 12), (64, 16)]


@pytest.mark.parametrize("neurons", [8, 32])
def test_other_widths_are_left_to_keras(neurons, updates):
    """XLA vectorises them itself."""
    assert (64, neurons) not in computed(updates, wide(OPTIMIZERS["adam"], neurons=neurons))


@pytest.mark.parametrize("name", LEFT_TO_KERAS)
def test_other_optimizers_are_left_to_keras(name, updates):
    """Their steps are other than those of one kernel's numbers each by itself, or nothing is known of them."""
    assert computed(updates, wide(LEFT_TO_KERAS[name])) == []


def test_without_xla_and_on_other_processors_keras_steps_alone(updates, monkeypatch):
    """Engine `compiled`, and a processor where the bits would differ, have Keras's own steps."""
    assert computed(updates, wide(OPTIMIZERS["adam"]), "compiled") == []
    monkeypatch.setattr(updates, "has_the_same_bits", lambda *_: False)
    assert computed(updates, wide(OPTIMIZERS["adam"])) == []


def test_bits_that_differ_are_found_out(updates, monkeypatch):
    """An optimizer is said to have the same bits only if it has: an update that is a little off is not used."""
    update = updates.update_flat
    monkeypatch.setattr(updates, "update_flat", lambda opt, gradient, *rest: update(opt, gradient * 1.0001, *rest))
    assert not updates.has_the_same_bits("Adagrad", '{"learning_rate": 0.01}', (64, 16))
    monkeypatch.setattr(updates, "update_flat", update)
    updates.has_the_same_bits.cache_clear()
    assert updates.has_the_same_bits("Adagrad", '{"learning_rate": 0.01}', (64, 16))


def test_optimizers_of_another_keras_are_left_to_it(updates, monkeypatch):
    """Where an update cannot even be tried, because Keras keeps other books, training goes on without."""

    def unknown(*_):
        raise AttributeError("'Adam' object has no attribute '_get_variable_index'")

    monkeypatch.setattr(updates, "of_one_weight", unknown)
    assert computed(updates, wide(OPTIMIZERS["adam"])) == []


def test_the_optimizer_is_left_as_it_was(updates):
    """After tracing, it makes its steps itself, and its variables are its own."""
    seed_everything(0)
    model = wide(OPTIMIZERS["adam"])()
    program = programs.Setup(model, nets.images(), 32, (), None).program("compiled-xla")
    assert (64, 16) in updates.shapes
    assert "update_step" not in vars(program.model.optimizer)
    assert [tuple(slot.shape) for slot in program.model.optimizer._momentums[:1]] == [(64, 16)]
