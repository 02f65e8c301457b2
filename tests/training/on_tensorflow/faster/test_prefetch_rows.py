"""Rows of images that are fetched from memory before they are gathered, with XLA on a CPU: the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from hpcsweep.training import seed_everything
from hpcsweep.training.programs import cache as programs
from tests.training import nets
from tests.training.test_equality import keras_alone, through_fit

pytestmark = nets.tensorflow_only
DATA = nets.images(192, 45)  # whole batches to train on: XLA compiles a step per size of batch, which takes the time
tf = pytest.importorskip("tensorflow", reason="rows of TensorFlow's arrays")


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch):
    """The module of rows, for which the tests' images are long rows of large data."""
    from hpcsweep.training.on_tensorflow.faster import prefetch_rows as rows

    monkeypatch.setattr(rows, "FETCHED_ROW_BYTES", range(1, 10_000))
    monkeypatch.setattr(rows, "CACHED_BYTES", 0)
    monkeypatch.setattr(programs, "shared_programs", programs.Programs())  # none that was traced without
    return rows


@pytest.mark.parametrize("shape", [(70,), (3, 20)])
@pytest.mark.parametrize("image", [(8, 8, 1), (65,), (28, 28)])
def test_rows_that_are_fetched_are_the_rows_that_were_asked_for(image, shape, rows):
    """The order comes back unchanged, whatever the bytes are, and XLA has not left out looking at them."""
    seed_everything(0)  # which TensorFlow wants, once it is to be deterministic
    chance = np.random.default_rng(0)
    images = tf.constant(chance.integers(0, 256, (90, *image), dtype=np.uint8))
    order = tf.constant(chance.permutation(90)[: np.prod(shape)].reshape(shape).astype(np.int32))
    fetch = tf.function(rows.fetched, jit_compile=True, autograph=False)
    assert np.array_equal(fetch(images, order).numpy(), order.numpy())
    compiled = fetch.experimental_get_compiler_ir(images, order)(stage="optimized_hlo")
    assert "u8[] reduce(" in compiled


def test_only_rows_that_wait_for_memory_are_fetched(rows, monkeypatch):
    """Floats, rows that are short or very long, and data that the caches hold are gathered as they are."""
    images, order = tf.zeros((90, 784), tf.uint8), tf.range(10)
    assert rows.fetched(images, order) is not order
    assert rows.fetched(tf.cast(images, tf.float32), order) is order
    monkeypatch.setattr(rows, "CACHED_BYTES", 90 * 784)
    assert rows.fetched(images, order) is order
    monkeypatch.setattr(rows, "CACHED_BYTES", 0)
    monkeypatch.setattr(rows, "FETCHED_ROW_BYTES", range(785, 2000))
    assert rows.fetched(images, order) is order


@pytest.mark.parametrize("build", [nets.dense, nets.normalised, nets.batch_norm, nets.dropout, nets.functional])
def test_fetched_rows_have_the_bits_of_model_fit_with_xla(build, rows):
    """A net whose rows are fetched has the bits of `model.fit` with XLA all the same."""
    expected = keras_alone(build, DATA, 32, jit=True)
    assert through_fit(build, DATA, 32, "compiled-xla") == expected
