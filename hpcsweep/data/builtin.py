"""Data that need no download: scikit-learn's real digits, a sine, and images made from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpcsweep.data.dataset import Data
from hpcsweep.errors import MissingPackageError, UsageError

TRAIN, VALIDATE, PROTOTYPES = 0, 1, 2
CHUNK = 4096  # images made at a time, so that making 60,000 does not need a gigabyte


def digits(validate: float = 0.2, seed: int = 0) -> Data:
    """Return the 1,797 handwritten digits of scikit-learn: uint8 [8, 8, 1], 0 to 16, ten classes.

    The fraction `validate` of each class, picked with `seed` (that of the split, not a run's), is for validation.
    Raises UsageError if that leaves a part empty.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingPackageError("digits: needs scikit-learn; type: pip install scikit-learn") from error
    if not 0 < validate < 1:
        raise UsageError(f"digits(validate={validate}): expected a fraction between 0 and 1")
    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[..., None]
    held_out = _held_out(bunch.target, validate, seed)
    return Data(
        x=images[~held_out],
        y=bunch.target[~held_out],
        x_val=images[held_out],
        y_val=bunch.target[held_out],
        classes=tuple("0123456789"),
        name="digits",
        white=16.0,
    )


def sine(
    train: int = 200,
    validate: int = 201,
    low: float = -np.pi,
    high: float = np.pi,
    noise: float = 0.0,
    seed: int = 0,
) -> Data:
    """Return points of sin(x): float32 [points, 1] in and out, a regression.

    Training points are random in [low, high], with Gaussian `noise` on their targets. Validation points are evenly
    spaced from `low` to `high`, without noise, so that a fit can be drawn through them.
    """
    if not (low < high and min(train, validate) >= 1 and noise >= 0):
        raise UsageError(f"sine(low={low}, high={high}, noise={noise}): expected low < high, noise >= 0, points")
    random = np.random.default_rng([seed, TRAIN])
    x = random.uniform(low, high, (train, 1))
    y = np.sin(x) + random.normal(0, noise, x.shape)
    x_val = np.linspace(low, high, validate)[:, None]
    parts = (array.astype(np.float32) for array in (x, y, x_val, np.sin(x_val)))
    train_x, train_y, val_x, val_y = parts
    return Data(train_x, train_y, val_x, val_y, name="sine")


def synthetic(
    train: int = 60_000,
    validate: int = 10_000,
    side: int = 28,
    classes: int = 10,
    noise: float = 0.25,
    seed: int = 0,
) -> Data:
    """Return images shaped like MNIST's, uint8 [side, side, 1]: a smooth pattern per class, dimmed, and noise.

    They are for measuring time, not skill. Images are made in chunks with a seed each, so a larger set begins with
    the images of a smaller one of the same seed.
    """
    if not (min(train, validate, classes) >= 1 and side >= 4 and noise >= 0):
        raise UsageError(f"synthetic(side={side}, noise={noise}): expected side >= 4, noise >= 0 and an image")
    patterns = _patterns(classes, side, seed)
    x, y = _noisy(patterns, train, noise, [seed, TRAIN])
    x_val, y_val = _noisy(patterns, validate, noise, [seed, VALIDATE])
    names = tuple(str(label) for label in range(classes))
    return Data(x, y, x_val, y_val, classes=names, name="synthetic", white=255.0)


def _held_out(labels: NDArray[np.int64], fraction: float, seed: int) -> NDArray[np.bool_]:
    held_out = np.zeros(len(labels), bool)
    random = np.random.default_rng(seed)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        held_out[members[: round(fraction * len(members))]] = True
    return held_out


def _patterns(classes: int, side: int, seed: int) -> NDArray[np.float32]:
    """One smooth pattern per class: a few random waves that fade towards the edge, from 0 to 1."""
    random = np.random.default_rng([seed, PROTOTYPES])
    rows, columns = np.mgrid[0:side, 0:side] / (side - 1)
    waves = np.zeros((classes, side, side))
    for _ in range(6):
        speed, phase = random.uniform(1, 4, (2, classes, 1, 1)), random.uniform(0, 2 * np.pi, (classes, 1, 1))
        waves += np.cos(np.pi * (speed[0] * rows + speed[1] * columns) + phase)
    waves *= np.sin(np.pi * rows) * np.sin(np.pi * columns)
    low, high = waves.min(axis=(1, 2), keepdims=True), waves.max(axis=(1, 2), keepdims=True)
    patterns: NDArray[np.float32] = ((waves - low) / (high - low)).astype(np.float32)
    return patterns


def _noisy(
    patterns: NDArray[np.float32], count: int, noise: float, seeds: list[int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = [], []
    for chunk in range(-(-count // CHUNK)):
        random = np.random.default_rng([*seeds, chunk])
        label = random.integers(len(patterns), size=CHUNK)
        light = random.uniform(0.5, 1, (CHUNK, 1, 1)).astype(np.float32)
        grey = patterns[label] * light
        grey += noise * random.standard_normal(grey.shape, dtype=np.float32)
        images.append(np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)[..., None])
        labels.append(label)
    return np.concatenate(images)[:count], np.concatenate(labels)[:count]
