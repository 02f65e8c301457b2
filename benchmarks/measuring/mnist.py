"""A part of MNIST and a net for it. Nothing here needs hpcsweep, so that its peers run without it."""

from __future__ import annotations

import gzip
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

TRAIN, VALIDATE, BATCH_SIZE = 10_000, 2_000, 128
GRID: dict[str, list[Any]] = {
    "layers": [1, 2, 3],
    "neurons": [16, 32, 64],
    "optimizer": ["sgd", "rmsprop", "adam"],
    "learning_rate": [0.0003, 0.003, 0.03],
}
WHOLE: tuple[dict[str, list[Any]], list[int]] = GRID, [3, 9, 27, 81]
SMALL = {**GRID, "neurons": [32]}, [3, 9, 27]
"""Settings, and the epochs of their rungs."""


@lru_cache(maxsize=1)
def images(folder: Path | None = None) -> tuple[Any, Any, Any, Any]:
    """Return x, y, x_val, y_val: the first images of MNIST's training part, and the last ones to validate on."""
    folder = (folder or Path(os.environ["HPCSWEEP_DATA"])) / "mnist"
    x, y = (_read(folder / f"train-{name}-ubyte.gz") for name in ("images-idx3", "labels-idx1"))
    return x[:TRAIN, ..., None], y[:TRAIN], x[-VALIDATE:, ..., None], y[-VALIDATE:]


def _read(path: Path) -> Any:
    data = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, -1, 4 + 4 * data[3]).reshape(shape)
