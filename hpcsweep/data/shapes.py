"""Images of a circle, a square or a triangle, drawn by the computer from a seed, in any number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpcsweep.data.dataset import Data
from hpcsweep.errors import UsageError

CLASSES = ("circle", "square", "triangle")
CORNERS = {"square": 4, "triangle": 3}
UPRIGHT = {"circle": 0.0, "square": np.pi / 4, "triangle": -np.pi / 2}  # the angle of the first corner
FINER = 3  # drawn this much larger, then averaged, so that edges are smooth
TRAIN, VALIDATE = 0, 1

Settings = tuple[int, tuple[float, float], bool, float]


def shapes(
    train: int = 3000,
    validate: int = 600,
    side: int = 32,
    smallest: float = 0.15,
    largest: float = 0.4,
    rotate: bool = True,
    noise: float = 0.05,
    seed: int = 0,
) -> Data:
    """Return `train` + `validate` uint8 images [side, side, 1] of the three shapes in turn.

    Each shape has a radius between `smallest` and `largest` (fractions of the side), is wholly inside the
    image, is turned at random unless `rotate` is false, is brighter than its background, and has Gaussian
    noise of standard deviation `noise` (black is 0, white 1). Image i depends only on the seed and i, so a
    larger set begins with the images of a smaller one. Raises UsageError for sizes that make no image.
    """
    if not (0 < smallest <= largest <= 0.5 and side >= 8 and min(train, validate) >= 1 and noise >= 0):
        raise UsageError(
            f"shapes: found train={train}, validate={validate}, side={side}, smallest={smallest}, "
            f"largest={largest}, noise={noise}; expected at least 1 image, side >= 8, "
            f"0 < smallest <= largest <= 0.5, noise >= 0"
        )
    settings = (side, (smallest, largest), rotate, noise)
    return Data(
        x=_images(train, [seed, TRAIN], settings),
        y=np.arange(train) % len(CLASSES),
        x_val=_images(validate, [seed, VALIDATE], settings),
        y_val=np.arange(validate) % len(CLASSES),
        classes=CLASSES,
        name="shapes",
        white=255.0,
    )


def outline(shape: str, radius: float, centre: tuple[float, float], angle: float) -> NDArray[np.float64]:
    """Return the corners [corners, 2] (row, column) of a square or triangle within a circle of `radius`."""
    corners = CORNERS[shape]
    turns = angle + 2 * np.pi * np.arange(corners) / corners
    return np.array(centre) + radius * np.column_stack([np.sin(turns), np.cos(turns)])


def _images(count: int, seeds: list[int], settings: Settings) -> NDArray[np.uint8]:
    return np.stack([_image(np.random.default_rng([*seeds, i]), i, settings) for i in range(count)])


def _image(random: np.random.Generator, number: int, settings: Settings) -> NDArray[np.uint8]:
    side, sizes, rotate, noise = settings
    shape = CLASSES[number % len(CLASSES)]
    grid = side * FINER
    radius = random.uniform(*sizes) * grid
    centre = tuple(random.uniform(radius, grid - radius, size=2))
    angle = random.uniform(0, 2 * np.pi) if rotate else UPRIGHT[shape]
    background, ink = random.uniform(0, 0.3), random.uniform(0.6, 1)
    mask = _mask(shape, radius, centre, angle, grid)
    covered = mask.reshape(side, FINER, side, FINER).mean(axis=(1, 3))
    grey = background + (ink - background) * covered + random.normal(0, noise, (side, side))
    image: NDArray[np.uint8] = np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
    return image[..., None]


def _mask(shape: str, radius: float, centre: tuple[Any, ...], angle: float, grid: int) -> NDArray[np.bool_]:
    from skimage import draw

    mask = np.zeros((grid, grid), bool)
    if shape == "circle":
        inside = draw.disk(centre, radius, shape=mask.shape)
    else:
        corners = outline(shape, radius, centre, angle)
        inside = draw.polygon(corners[:, 0], corners[:, 1], mask.shape)
    mask[inside] = True
    return mask
