"""Bundled and generated data: what they hold, that a seed gives them again, that they are loaded once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsweep.data import load, shapes, sine, synthetic
from hpcsweep.data.shapes import CLASSES, outline
from hpcsweep.errors import UsageError


def test_digits_are_the_real_ones() -> None:
    """All 1,797 handwritten digits are there once, uint8 with white 16, a fifth of each class held out."""
    data = load("digits")
    assert len(data.x) + len(data.x_val) == 1797
    assert data.x.dtype == np.uint8
    assert (data.x.max(), data.white, data.input_shape) == (16, 16.0, (8, 8, 1))
    shares = np.bincount(data.y_val) / (np.bincount(data.y_val) + np.bincount(data.y))
    assert np.all(abs(shares - 0.2) < 0.01)
    assert {image.tobytes() for image in data.x}.isdisjoint({image.tobytes() for image in data.x_val})


def test_load_reads_once_and_shares() -> None:
    """Runs of one process get the very same arrays, and other options other ones."""
    assert load("digits") is load("digits")
    assert load("shapes", train=6, validate=3, seed=1) is load("shapes", seed=1, validate=3, train=6)
    assert load("shapes", train=6, validate=3, seed=2) is not load("shapes", train=6, validate=3, seed=1)
    with pytest.raises(ValueError, match="read-only"):
        load("digits").x[0] = 0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("digit", {}, r'no such data set \(did you mean "digits"\?\)'),
        ("shapes", {"sides": 9}, r"no option 'sides' \(did you mean \"side\"\?\)"),
        ("mnist", {"side": 9}, "no option 'side'; it takes validate"),
        ("shapes", {"smallest": 0.6}, "smallest <= largest"),
        ("sine", {"low": 2.0, "high": 1.0}, "low < high"),
        ("digits", {"validate": 1.0}, "between 0 and 1"),
        ("synthetic", {"side": 1}, "side >= 4"),
    ],
)
def test_wrong_names_and_options_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    """An unknown data set or option, or one that makes no data, is refused with the nearest right name."""
    with pytest.raises(UsageError, match=message):
        load(name, **options)


@settings(max_examples=25, deadline=None)
@given(few=st.integers(1, 5), more=st.integers(6, 9), seed=st.integers(0, 10**6))
def test_more_shapes_begin_with_the_fewer(few: int, more: int, seed: int) -> None:
    """Shape i depends on the seed and i alone."""
    one = shapes(train=few, validate=1, seed=seed, side=16)
    other = shapes(train=more, validate=1, seed=seed, side=16)
    np.testing.assert_array_equal(one.x, other.x[:few])
    assert one.y.tolist() == other.y[:few].tolist()


def test_shapes_differ_between_parts_and_seeds() -> None:
    """Training and validation images, and those of two seeds, are different images."""
    data, other = shapes(train=3, validate=3), shapes(train=3, validate=3, seed=1)
    assert not np.array_equal(data.x, data.x_val)
    assert not np.array_equal(data.x, other.x)


def test_shapes_have_the_area_of_their_kind() -> None:
    """With one radius r and wholly inside, a circle covers pi r², a square 2 r², a triangle 3√3/4 r²."""
    data = shapes(train=90, validate=3, side=64, smallest=0.3, largest=0.3, noise=0.0)
    expected = {"circle": math.pi, "square": 2.0, "triangle": 3 * math.sqrt(3) / 4}
    for label, name in enumerate(CLASSES):
        images = data.x[data.y == label][..., 0].astype(float)
        low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
        covered = ((images - low) / (high - low)).sum(axis=(1, 2)) / (0.3 * 64) ** 2
        np.testing.assert_allclose(covered, expected[name], rtol=0.05)


@given(angle=st.floats(0, 7), name=st.sampled_from(["square", "triangle"]))
def test_corners_lie_on_the_circle_of_their_radius(angle: float, name: str) -> None:
    """Squares and triangles are inscribed in the circle of their radius, whatever their turn."""
    corners = outline(name, 10.0, (16.0, 17.0), angle)
    np.testing.assert_allclose(np.linalg.norm(corners - [16.0, 17.0], axis=1), 10.0)


def test_unrotated_shapes_stand_upright() -> None:
    """Without rotation a square's edges are level, so its rows are equally wide to the pixel."""
    data = shapes(train=30, validate=1, rotate=False, noise=0.0, side=48)
    for image in data.x[data.y == 1][..., 0].astype(float):
        filled = image > (image.min() + image.max()) / 2
        widths = filled.sum(axis=1)
        assert np.ptp(widths[widths > 0]) <= 1


def test_sine_is_a_regression_with_a_clean_even_validation_part() -> None:
    """Targets are sin of the inputs; noise is on the training part alone."""
    data = sine(train=50, validate=11, noise=0.1, seed=3)
    assert data.classes == ()
    np.testing.assert_allclose(data.y_val, np.sin(data.x_val), atol=1e-6)
    np.testing.assert_allclose(np.diff(data.x_val[:, 0]), np.diff(data.x_val[:, 0])[0], atol=1e-6)
    residual = (data.y - np.sin(data.x)).std()
    assert 0.05 < residual < 0.15
    np.testing.assert_array_equal(data.y, sine(train=50, validate=11, noise=0.1, seed=3).y)


def test_synthetic_has_mnists_shape_and_is_seeded() -> None:
    """Images are uint8 of MNIST's shape, the same for a seed, more beginning with the fewer, and separable."""
    few, more = synthetic(train=5, validate=3), synthetic(train=5000, validate=3)
    assert few.x.shape == (5, 28, 28, 1)
    assert few.x.dtype == np.uint8
    np.testing.assert_array_equal(few.x, more.x[:5])
    assert len(set(more.y.tolist())) == 10
    means = np.stack([more.x[more.y == label].mean(axis=0).ravel() for label in range(10)])
    nearest = ((more.x[:500].reshape(500, 1, -1) - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == more.y[:500]).mean() > 0.9
