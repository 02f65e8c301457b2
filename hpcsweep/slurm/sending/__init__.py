"""Login node and batch script: workers on their way into the queue.

`from_profile` says on which terms, `script` shows the batch script, `submit` sends it by `sbatch`, which survives an
answer that is lost; `resubmit` sends what is missing from inside an allocation, `cancel` takes workers out of the
queue. `mail` has SLURM mail once at the end. `bundle` packs what workers in a container import.
"""
