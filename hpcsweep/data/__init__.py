"""Data sets: published files, bundled and generated ones, and the `Data` value that jobs train on."""

from __future__ import annotations

from hpcsweep.data.dataset import Data

__all__ = ["Data"]
