"""Arrays as a stream: batches in the order that the seed says, for what only a stream can do."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from hpcsweep.training.examples import Examples, map_arrays, packed
from hpcsweep.training.state.order import epoch_order


class OrderedBatches(keras.utils.PyDataset):
    """Batches of arrays without end, pass after pass, each pass in the order that the seed and its number say."""

    def __init__(self, data: Examples, seed: int, batch_size: int, passed: int, *, shuffle: bool) -> None:
        """Begin after `passed` batches."""
        super().__init__()
        self._data, self._seed, self._size, self._passed, self._shuffle = data, seed, batch_size, passed, shuffle
        self._batches = -(-data.examples // batch_size)
        self._order: tuple[int, Any] = (-1, None)

    @property
    def num_batches(self) -> None:
        """No number: they have no end."""
        return

    def __getitem__(self, index: int) -> Any:
        number, batch = divmod(self._passed + index, self._batches)
        if self._order[0] != number:
            examples = self._data.examples
            whole = epoch_order(self._seed, number + 1, examples) if self._shuffle else np.arange(examples)
            self._order = (number, whole)
        rows = self._order[1][batch * self._size : (batch + 1) * self._size]
        return packed(*map_arrays(lambda array: array[rows], self._data.train))
