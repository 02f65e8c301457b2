"""Login node, after a submission: who waits and why, who runs where, who died of what.

`queue` asks SLURM once, `deaths` names causes and what helps, `view` puts both together with what the files say.
"""
