"""The function that submitit's pickles of the release before name."""

from hpcsweep.worker.work_loop import work

__all__ = ["work"]
