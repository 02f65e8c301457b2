"""Stores with made-up results."""

from tests.made_results import make_store

__all__ = ["make_store"]
