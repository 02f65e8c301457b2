"""The examples of a batch, an eighth of an epoch sooner with XLA on a CPU, where they are images kept as bytes."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

LINE_BYTES = 64  # what a processor fetches from memory at once
FETCHED_ROW_BYTES = range(256, 2049)  # measured: of shorter ones too little waits, longer ones the processor fetches
CACHED_BYTES = 2**22  # data that the caches may hold anyway


def fetched(array: Any, order: Any) -> Any:
    """Return `order`, [...], with the rows of `array` that it names in the processor's caches: for XLA on a CPU only.

    Where bytes become floats while they are gathered, the processor cannot look far enough ahead to have more than a
    row or two on their way from memory. To look at one byte of every line of every row first is so little work that it
    has a dozen; the epoch of a small net takes an eighth less. That no byte is below zero XLA does not know, so it
    cannot leave this out.
    """
    row_bytes = array.shape[1:].num_elements() or 0
    if array.dtype != tf.uint8 or row_bytes not in FETCHED_ROW_BYTES or array.shape[0] * row_bytes <= CACHED_BYTES:
        return order
    bytes_seen = tf.gather(tf.reshape(array, (-1, row_bytes)), order)[..., ::LINE_BYTES]
    return order + tf.minimum(tf.cast(tf.reduce_max(bytes_seen), order.dtype), 0)
