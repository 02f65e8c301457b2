"""Login node, after a submission: who waits and why, who runs where, who died of what.

`queue` asks SLURM once, `living` counts a sweep's workers, `deaths` names causes and what helps, `view` puts all
together with what the files say.
"""
