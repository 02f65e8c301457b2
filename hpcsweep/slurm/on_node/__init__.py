"""Compute node: a worker's processes under SLURM. No command of SLURM is needed but to continue in the queue.

`worker` is what submitit calls there.
"""
