"""The function that submitit's pickles of the previous release name."""

from hpcsweep.worker.work_loop import work

__all__ = ["work"]
