"""Data sets: published files, bundled and generated ones, and the `Data` value that jobs train on.

The command line and the face of the package also import `sets` (what there is, fetching and checking) and `folder`
(where it lies); what records by which data a run was made imports `used`, and what tells of that the `catalogue`, too.
"""

from __future__ import annotations

from hpcsweep.data.builtin import digits, sine, synthetic
from hpcsweep.data.dataset import Data
from hpcsweep.data.load import load
from hpcsweep.data.shapes import shapes

__all__ = ["Data", "digits", "load", "shapes", "sine", "synthetic"]
