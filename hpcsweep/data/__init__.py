"""Data sets: published files, bundled and generated ones, and the `Data` value that jobs train on.

The command line also imports `catalogue` (what can be fetched), `fetch` and `folder` (where it lies, and whether it is
whole); what records by which data a run was made imports `used`.
"""

from __future__ import annotations

from hpcsweep.data.builtin import digits, sine, synthetic
from hpcsweep.data.dataset import Data
from hpcsweep.data.load import load
from hpcsweep.data.shapes import shapes

__all__ = ["Data", "digits", "load", "shapes", "sine", "synthetic"]
