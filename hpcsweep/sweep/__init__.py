"""Question 1: what is asked? From a sweep file to the runs that it means. Nothing is trained, and NumPy is not needed.

Other rooms import `runs` (Run, Trajectory, ids), `search` (what [suggest] varies), `command`, `containers`, `load`
(load_sweep, Sweep), `profile`, `settings`, `add_seeds`, `choices` (the words that a sweep file may choose from),
`value_types`, `toml_problems` and `expected` (what should come out).
This file imports nothing, because workers need only `runs`, `search`, `command`, `containers` and `choices`, and
neither pydantic nor the planner.
"""
