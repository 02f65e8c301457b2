"""SLURM, by the machine on which the code runs.

`asking`, `sending` and `watching` run on the login node, in the order of a sweep's life; `on_node` runs on a compute
node. `commands` is the only module of the package that starts SLURM's programs.
`scheduler` shows on one page what is asked of SLURM, and would be of another scheduler.
Other rooms also import `terms` (what is asked of SLURM, as plain values) and `text`.
"""
