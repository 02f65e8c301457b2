"""The function that submitit's pickles of the previous release name."""

from hpcsweep.slurm.on_node.worker import work_on_slurm

__all__ = ["work_on_slurm"]
