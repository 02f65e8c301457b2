"""Compute node: a worker's processes under SLURM. SLURM's commands are needed only to continue in the queue.

`worker` is what submitit calls there; `following` knows whose orders it takes.
"""
