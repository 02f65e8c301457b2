"""A small study with results in its store."""

from tests.made_results import make_store, study

__all__ = ["make_store", "study"]
