"""The order in which an epoch visits the training examples: a pure function of the seed and the epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TAG = 0x0DE5  # keeps these numbers apart from those of any other use of the same seed


def epoch_order(seed: int, epoch: int, examples: int) -> NDArray[np.int32]:
    """Return a random permutation of range(examples), int32, the same for the same arguments for ever.

    The examples are sorted by random 32-bit keys, the few equal ones as they lie: two stable sorts by 16 bits, which
    NumPy does by radix, in a third of the time of one by 64. Only the raw output of PCG64 is used, which NumPy keeps
    fixed; Generator.permutation may change.
    """
    bits = np.random.PCG64(np.random.SeedSequence([_TAG, abs(seed), int(seed < 0), epoch]))
    keys = bits.random_raw((examples + 1) // 2).astype("<u8").view("<u2")
    by_low = np.argsort(keys[:examples], kind="stable").astype(np.int32)
    return by_low[np.argsort(keys[examples : 2 * examples][by_low], kind="stable")]


def epoch_orders(seed: int, first_epoch: int, count: int, examples: int, *, shuffle: bool) -> NDArray[np.int32]:
    """Return the orders of `count` epochs from `first_epoch` on, [count, examples]; as data lie if not `shuffle`."""
    if not shuffle:
        return np.tile(np.arange(examples, dtype=np.int32), (count, 1))
    return np.stack([epoch_order(seed, first_epoch + i, examples) for i in range(count)])
