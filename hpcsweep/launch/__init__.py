"""Question 2: who starts it? What `plan`, `run`, `submit`, `status`, `verify` and `clean` do, as functions.

Nothing here draws on a terminal: functions return values, and tell what happens through the `say` that they are given.

The command line and the face of the package import `study` (init and doctor), `new_profile`, `plan`, `here` (run on
this machine), `cluster` (submit and resume), `preview` (what they would send), `scale`, `status`, `progress`, `advice`
(what to type next), `cancel`, `clean`, `logs`, `remark` (note and tag), `verify`, `try_sweep`, `standing` (what
becomes of results made by other code or data), `code_diff`, `migrate`, `merge` and `pack`. Of SLURM they ask what
`hpcsweep.slurm.scheduler` shows.
"""
