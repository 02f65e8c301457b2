"""A small study with results in its store, and the browser."""

from tests.made_results import make_store, study
from tests.report.browsing import browser

__all__ = ["browser", "make_store", "study"]
