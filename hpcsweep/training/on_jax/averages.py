"""Averaged weights, which at the end of training take the place of the weights."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def part_from_averages(model: Any) -> None:
    """Give every weight an array of its own: it may be its average's, and JAX can give up no array twice."""
    for weight in model.trainable_weights:
        weight.assign(jnp.array(weight.value, copy=True))
