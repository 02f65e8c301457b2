"""How many examples a step takes when no gradient is wanted: in epoch 0, and for predictions."""

from __future__ import annotations

import math
from typing import Any

import keras

from hpcsweep.training.examples import Tree, arrays_of
from hpcsweep.training.keras_private import layers_of

MOST_EVALUATED = 1024
"""For small nets; larger steps gain nothing."""
UNTOLD_EVALUATED = 256
"""For models that do not say how large their layers' outputs are: those of a class of the user's own."""
OUTPUT_BYTES = 2**23
"""What the largest output of a layer may take in one step. Measured on processors: of two and three convolutions on
images of 28 x 28, 1,024 examples take 1.3 to 1.4 times as long as 64, 128 or 256; and a large net could be
out of memory in epoch 0 that has room enough to be trained."""


def evaluation_batch(model: Any, x: Tree, batch_size: int) -> int:
    """Return how many examples of `x`, arrays of [examples, ...], a built `model` should evaluate at once.

    A power of two, unless it is `batch_size`, the number it trains on at once: for that there is room.
    """
    if any(symbol.shape[0] is not None for symbol in getattr(model, "inputs", None) or []):
        return batch_size  # the model takes batches of that size only, as one with stateful layers does
    sizes = [_floats_an_example(layer) for layer in layers_of(model)[1:]]
    most = UNTOLD_EVALUATED if None in sizes else MOST_EVALUATED
    largest: int = max(*(math.prod(array.shape[1:]) for array in arrays_of(x)), *(size or 0 for size in sizes), 1)
    fitting = 1 << max(OUTPUT_BYTES // (4 * largest), 1).bit_length() - 1
    return min(most, max(batch_size, fitting))


def _floats_an_example(layer: Any) -> int | None:
    """Return how many numbers the layer's largest output has for one example; None if the layer does not say."""
    try:
        shapes = [output.shape[1:] for output in keras.tree.flatten(layer.output)]
    except (AttributeError, ValueError):  # Keras's words for a layer that was never part of a functional model
        return None
    return None if any(None in shape for shape in shapes) else max(map(math.prod, shapes), default=0)
