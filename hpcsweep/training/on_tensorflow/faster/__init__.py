"""Tricks that make XLA's code for small nets faster on a CPU without changing a bit of the result.

`[training] faster = false` in the sweep file leaves all of them out. `python benchmarks/training.py --part tricks`
measures what each gains.
"""

from __future__ import annotations

from enum import Enum


class Trick(Enum):
    """One way of computing the same numbers in less time."""

    NARROW_PRODUCTS = "narrow products"
    FLAT_UPDATES = "flat updates"
    FETCHED_ROWS = "fetched rows"


Tricks = frozenset[Trick]
ALL_TRICKS: Tricks = frozenset(Trick)
