"""The store of results: claims, checkpoints, results, and the names of their files."""

from hpcsweep.store.results import Failure, Result
from hpcsweep.store.store import DEFAULT_LEASE_S, Store, locate_store

__all__ = ["DEFAULT_LEASE_S", "Failure", "Result", "Store", "locate_store"]
